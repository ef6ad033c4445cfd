package peers;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;

/**
 * Runs the cases of one Java client version against the nameserver given, several at a time, and prints one
 * line a case: name, TAB, seconds, TAB, result. A result is "ok", what was seen where servers differ, or
 * "failed: ..." with the reason.
 *
 *   java -cp ... peers.Main NAMESERVER RUN [CASE...]
 */
public final class Main {
    /** null is "ok"; else what was seen. */
    interface Case {
        String run(World world) throws Exception;
    }

    private static final int AT_A_TIME = 8;
    private static final long DEADLINE_SECONDS = 150;

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 2) {
            System.err.println("usage: peers.Main NAMESERVER RUN [CASE...]");
            System.exit(2);
        }
        Map<String, Case> cases = new LinkedHashMap<>();
        ResubscribeCases.add(cases);  // the long ones first
        ConsumeCases.add(cases);
        DashboardCases.add(cases);
        ExporterCases.add(cases);
        TransactionCases.add(cases);
        Version.add(cases);
        SendCases.add(cases);
        AdminCases.add(cases);
        TlsCases.add(cases);
        var wanted = List.of(arguments).subList(2, arguments.length);
        if (!wanted.isEmpty()) {
            cases.keySet().retainAll(wanted);
        }

        var pool = Executors.newFixedThreadPool(AT_A_TIME, task -> {
            var thread = new Thread(task);
            thread.setDaemon(true);
            return thread;
        });
        Map<String, Future<String>> running = new LinkedHashMap<>();
        cases.forEach((name, one) -> running.put(name, pool.submit(timed(arguments[0], arguments[1], name, one))));
        List<String> failed = new ArrayList<>();
        for (var entry : running.entrySet()) {
            String line;
            try {
                line = entry.getValue().get(DEADLINE_SECONDS, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                line = "-\tfailed: no end within " + DEADLINE_SECONDS + " s";
            } catch (ExecutionException e) {
                line = "-\tfailed: " + e.getCause();
            }
            if (line.contains("\tfailed: ")) {
                failed.add(entry.getKey());
            }
            System.out.println("case\t" + entry.getKey() + "\t" + line);
        }
        System.out.println("end\t" + running.size() + " cases, " + failed.size() + " failed");
        System.out.flush();
        Runtime.getRuntime().halt(0);  // clients of cases that hang have threads that would not end
    }

    private static Callable<String> timed(String nameserver, String run, String name, Case one) {
        return () -> {
            long started = System.nanoTime();
            String result;
            try (var world = new World(nameserver, run, name)) {
                String seen = one.run(world);
                result = seen == null ? "ok" : seen;
            } catch (World.Mismatch e) {
                result = "failed: " + e.getMessage();
            } catch (Throwable e) {
                result = "failed: " + describe(e);
            }
            return String.format("%.1f\t%s", (System.nanoTime() - started) / 1e9, result.replaceAll("\\s+", " "));
        };
    }

    static String describe(Throwable e) {
        var place = e.getStackTrace().length > 0 ? " at " + e.getStackTrace()[0] : "";
        return codeOf(e) + " (" + e.getMessage() + place + ")";
    }

    /** An error as a word that does not change from run to run: the kind and the response code. */
    static String codeOf(Throwable e) {
        if (e instanceof MQBrokerException) {
            return "code " + ((MQBrokerException) e).getResponseCode();
        }
        if (e instanceof MQClientException && ((MQClientException) e).getResponseCode() > 0) {
            return "code " + ((MQClientException) e).getResponseCode();
        }
        return e.getClass().getSimpleName();
    }

    /** What an action ends with: "done" or its error's code. */
    static String outcome(World.Attempt<?> action) {
        try {
            action.get();
            return "done";
        } catch (Throwable e) {
            return codeOf(e);
        }
    }
}

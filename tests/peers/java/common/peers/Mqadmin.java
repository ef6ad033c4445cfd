package peers;

import static peers.World.await;
import static peers.World.sent;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;

import org.apache.rocketmq.client.consumer.DefaultMQPushConsumer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.tools.command.MQAdminStartup;

/**
 * Runs mqadmin's commands one after the other in this JVM and prints, in place of what each wrote, a
 * fingerprint of it that is the same in every run. What they wrote goes to stderr, that is, into the log.
 *
 *   java -cp ... peers.Mqadmin COMMANDS NAMESERVER RUN [CASE...]
 *
 * COMMANDS is a text file: a line a case, "name  kind  arguments of mqadmin". A name is used once; a kind is one
 * of Fingerprint's, with ":SECONDS" if the command does not end by itself. A case may need what those before it
 * in its paragraph left; of a choice of cases these are run as well, and not printed.
 */
public final class Mqadmin {
    private static final long DEADLINE_SECONDS = 40;
    private static final int MESSAGES = 12;
    private static final PrintStream realOut = System.out;
    private static final PrintStream realErr = System.err;

    /** Where the output of a command's thread, and of all threads that it starts, goes. */
    private static final InheritableThreadLocal<ByteArrayOutputStream> written = new InheritableThreadLocal<>();

    public static void main(String[] arguments) {
        int status = 0;
        try {
            runAll(arguments);
        } catch (Throwable e) {
            e.printStackTrace(realErr);
            status = 1;
        }
        realOut.flush();
        Runtime.getRuntime().halt(status);  // commands that do not end have threads that would not either
    }

    private static void runAll(String[] arguments) throws Exception {
        if (arguments.length < 3) {
            throw new IllegalArgumentException("usage: peers.Mqadmin COMMANDS NAMESERVER RUN [CASE...]");
        }
        var home = makeHome();
        System.setOut(new PrintStream(new Capture(realErr), true, StandardCharsets.UTF_8));
        System.setErr(new PrintStream(new Capture(realErr), true, StandardCharsets.UTF_8));
        var values = prepare(new World(arguments[1], arguments[2], "mqadmin"), home);
        var wanted = List.of(arguments).subList(3, arguments.length);
        int count = 0;
        for (var one : cases(Path.of(arguments[0]), wanted)) {
            String result = run(one[0], one[1].split(":"), filled(one[2], values).split("\\s+"), values);
            if (wanted.isEmpty() || wanted.contains(one[0])) {
                realOut.println(result);
                realOut.flush();
                ++count;
            }
        }
        realOut.println("end\t" + count + " cases");
    }

    /** Name, kind and command of those to be run. */
    private static List<String[]> cases(Path file, Collection<String> wanted) throws Exception {
        List<String[]> cases = new ArrayList<>();
        for (String paragraph : Files.readString(file).split("\\n\\s*\\n")) {
            List<String[]> before = new ArrayList<>();
            for (String line : paragraph.split("\n")) {
                if (line.isBlank() || line.startsWith("#")) {
                    continue;
                }
                var fields = line.trim().split("\\s+", 3);
                before.add(fields);
                if (wanted.isEmpty() || wanted.contains(fields[0])) {
                    cases.addAll(before);
                    before.clear();
                }
            }
        }
        return cases;
    }

    /** A folder of this run, with the file without which 4.9 does nothing at all. */
    private static Path makeHome() throws Exception {
        var home = Files.createTempDirectory(Path.of(System.getenv("HOME")), "mqadmin");
        Files.createDirectories(home.resolve("conf"));
        Files.writeString(home.resolve("conf/logback_tools.xml"), "<configuration></configuration>\n");
        System.setProperty("rocketmq.home.dir", home.toString());
        System.setProperty("java.io.tmpdir", home.toString());  // some write there
        return home;
    }

    /** What the commands ask about: a topic, a group that runs, one that is offline, a producer, a traced message, files. */
    private static Map<String, String> prepare(World world, Path home) throws Exception {
        world.makeTopic(4);
        world.makeTopic(world.topic + "-old", 1);
        world.makeGroup(16);
        var offline = new World(world.nameserver, world.topic, "offline");
        Version.makeGroup(world.admin(), world.brokerAddress(), offline.group, 16);
        Version.makeGroup(world.admin(), world.brokerAddress(), offline.group + "-old", 16);
        world.makeTopic("%RETRY%" + offline.group, 1);

        var producer = world.prepare(Version.tracedProducer("p-" + world.group));
        producer.start();
        int number = 0;
        SendResult first = null;
        var queues = new TreeSet<>(World.eventually(() -> producer.fetchPublishMessageQueues(world.topic)));
        while (number < MESSAGES) {
            for (var queue : queues) {
                var result = sent(producer.send(world.message(number++), queue));
                first = first == null ? result : first;
            }
        }
        Version.heartbeat(producer);

        var consumer = world.consumer("*");
        World.into(consumer).await(MESSAGES);
        commit(consumer, world.topic);
        var gone = offline.consumer(world.topic, "*");
        World.into(gone).await(MESSAGES);
        commit(gone, world.topic);
        offline.close();
        String id = first.getMsgId();
        await(() -> traced(world, id), "the trace of the first message");

        Map<String, String> values = new LinkedHashMap<>();  // the longer ones before those that they contain
        values.put("home", home.toString());
        values.put("offset-id", first.getOffsetMsgId());
        values.put("id", id);
        values.put("offline", offline.group);
        values.put("producers", "p-" + world.group);
        values.put("group", world.group);
        values.put("topic", world.topic);
        values.put("client", consumer.buildMQClientId());
        values.put("broker-address", world.brokerAddress());
        values.put("nameserver", world.nameserver);
        var clusters = new TreeMap<>(world.admin().examineBrokerClusterInfo().getClusterAddrTable());
        Files.writeString(home.resolve("topics.json"), "[{\"topicName\":\"" + world.topic + "-listed\",\"readQueueNums\":2,\"writeQueueNums\":2}]");
        Files.writeString(home.resolve("groups.json"), "[{\"groupName\":\"" + world.group + "-listed\",\"retryMaxTimes\":3}]");
        values.put("broker", clusters.firstEntry().getValue().iterator().next());
        values.put("cluster", clusters.firstKey());
        return values;
    }

    /** Waits until it has consumed all messages and tells the broker so. (Tools of 5.x cannot ask brokers of 4.9 for that.) */
    private static void commit(DefaultMQPushConsumer consumer, String topic) throws Exception {
        var offsets = consumer.getDefaultMQPushConsumerImpl().getOffsetStore();
        await(() -> offsets.cloneOffsetTable(topic).values().stream().mapToLong(Long::longValue).sum() == MESSAGES, "offsets of a group");
        consumer.getDefaultMQPushConsumerImpl().persistConsumerOffset();
    }

    private static boolean traced(World world, String id) {
        try {
            return !world.admin().queryMessage("RMQ_SYS_TRACE_TOPIC", id, 32, 0, System.currentTimeMillis() + 60_000).getMessageList().isEmpty();
        } catch (Exception e) {
            return false;
        }
    }

    private static String filled(String line, Map<String, String> values) {
        for (var value : values.entrySet()) {
            line = line.replace("{" + value.getKey() + "}", value.getValue());
        }
        return line;
    }

    /** The line to be printed. */
    private static String run(String name, String[] kind, String[] command, Map<String, String> values) throws Exception {
        long started = System.nanoTime();
        long seconds = kind.length > 1 ? Long.parseLong(kind[1]) : DEADLINE_SECONDS;
        var output = new ByteArrayOutputStream();
        var thread = new Thread(() -> {
            written.set(output);
            try {
                forgetCommands();
                MQAdminStartup.main0(command, null);
            } catch (Throwable e) {
                e.printStackTrace();
            }
        }, name);
        thread.setDaemon(true);
        thread.start();
        thread.join(seconds * 1_000);
        boolean ended = !thread.isAlive();
        if (!ended) {
            thread.interrupt();
        }
        String text = output.toString(StandardCharsets.UTF_8);
        realErr.println("----- " + name + ": mqadmin " + String.join(" ", command));
        realErr.println(text);
        var file = Path.of(values.get("home"), kind[0]);
        if (Files.exists(file)) {
            realErr.println(Files.readString(file));
        }
        String result = Fingerprint.of(kind[0], text, values);
        if (!ended) {
            result = kind.length > 1 ? "runs on; " + result : "failed: no end within " + seconds + " s; " + result;
        }
        return "case\t" + name + "\t" + String.format("%.1f", (System.nanoTime() - started) / 1e9) + "\t" + result.replaceAll("\\s+", " ");
    }

    /** MQAdminStartup lists all commands anew at each call; some serve once only, and it would take the first of a name. */
    private static void forgetCommands() throws ReflectiveOperationException {
        for (var field : MQAdminStartup.class.getDeclaredFields()) {
            if (Collection.class.isAssignableFrom(field.getType())) {
                field.setAccessible(true);
                ((Collection<?>) field.get(null)).clear();
            }
        }
    }

    /** System.out and System.err of a thread that belongs to a command; other threads write to the log. */
    private static final class Capture extends OutputStream {
        private final OutputStream otherwise;

        Capture(OutputStream otherwise) {
            this.otherwise = otherwise;
        }

        @Override
        public void write(int one) throws java.io.IOException {
            write(new byte[] {(byte) one}, 0, 1);
        }

        @Override
        public void write(byte[] bytes, int offset, int length) throws java.io.IOException {
            var own = written.get();
            if (own == null) {
                otherwise.write(bytes, offset, length);
            } else if (own.size() < 4 << 20) {
                own.write(bytes, offset, length);
            }
        }
    }
}

package peers;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Pattern;

import org.apache.rocketmq.remoting.protocol.RemotingSerializable;

/**
 * What a command of mqadmin wrote, in a line that is the same in every run: without numbers, times, ids and
 * addresses. The kinds:
 *
 *   table   the columns of the header line (it begins with '#'), and how many rows there are of which form; if
 *           some rows name what the run made, only those
 *   keys    the names of "name = value", "name: value" and of JSON's members
 *   text    the lines themselves, each once
 *   lines   the same, sorted, and of each line its beginning
 *   own     the same, sorted, of the lines alone that name what the run made
 *   FILE    a name with a dot: the names of all members of the JSON file that the command wrote into {home}; of its
 *           tables of topics and groups those entries alone that the run made before its first command
 *
 * If there is a stack trace, or an exception, in what was written, then this alone is said.
 */
final class Fingerprint {
    private static final int KEYS_SHOWN = 25;
    private static final int LENGTH_SHOWN = 240;
    private static final int LINE_BEGIN = 36;
    private static final Pattern EXCEPTION = Pattern.compile("(?m)^(?:Caused by: )?((?:\\w+\\.)+(\\w*(?:Exception|Error)))\\b(.*)$");
    private static final Pattern CODE = Pattern.compile("CODE: ?(-?\\d+)");
    private static final Pattern KEY = Pattern.compile("(?m)\"([A-Za-z][\\w.-]*)\"\\s*:|^\\s*(?:\\S+:\\d+\\s+)?([A-Za-z][\\w.]*)\\s*[=:]");
    private static final Pattern COLUMN_GAP = Pattern.compile("\\s{2,}|\\s+#|\\t");
    /** Names that other runs made, and what there is only after delayed messages. */
    private static final Pattern CHANGING = Pattern.compile("\\br\\d{3,6}-|^scheduleMessageOffset_");
    private static final Pattern OWN = Pattern.compile("<(topic|group|offline|producers|client|id|offset-id)>");
    /** What Mqadmin prepares. Other commands make topics and groups too, and remove them again, more or less. */
    private static final Pattern PREPARED = Pattern.compile("<(topic|group|offline)>(-old)?");
    private static final Pattern NAME = Pattern.compile("[A-Za-z][\\w.-]*");

    static String of(String kind, String text, Map<String, String> values) throws Exception {
        String failed = exception(text);
        if (failed != null) {
            return failed;
        }
        if (kind.contains(".")) {
            var file = Path.of(values.get("home"), kind);
            return Files.exists(file) ? members(Files.readString(file), values) : "no file; " + lines(text, values);
        }
        switch (kind) {
            case "table":
                return table(text, values);
            case "keys":
                return keys(text, values);
            case "text":
                return lines(text, values);
            case "lines":
                return joined(new TreeSet<>(beginnings(plainLines(text, values))));
            case "own":
                return joined(new TreeSet<>(own(plainLines(text, values))));
            default:
                throw new IllegalArgumentException("the kind '" + kind + "' is none of table, keys, text, lines, own and a file's name");
        }
    }

    /** The innermost exception and the response code that it names. */
    private static String exception(String text) {
        String name = null;
        String code = "";
        var matcher = EXCEPTION.matcher(text);
        while (matcher.find()) {
            name = matcher.group(2);
            var number = CODE.matcher(matcher.group(3));
            if (number.find()) {
                code = " code " + number.group(1);
            }
        }
        return name == null ? null : "exception " + name + code;
    }

    private static String table(String text, Map<String, String> values) {
        String columns = null;
        List<String> rows = new ArrayList<>();
        for (String line : text.split("\n")) {
            if (line.startsWith("#")) {
                var more = String.join(",", COLUMN_GAP.split(line.substring(1).trim()));
                columns = columns == null || columns.equals(more) ? more : columns + " and " + more;
            } else if (columns != null && !line.isBlank()) {
                rows.add(plain(line.trim(), values).replaceAll("\\s+", ","));
            }
        }
        if (columns == null) {
            return "no table; " + lines(text, values);
        }
        var own = own(rows);
        Map<String, Integer> forms = new TreeMap<>();
        (own.isEmpty() ? rows : own).forEach(row -> forms.merge(row, 1, Integer::sum));
        List<String> shown = new ArrayList<>();
        forms.forEach((row, count) -> shown.add((count > 1 ? count + " x " : "") + row));
        return "ok; columns " + columns + "; " + cut(shown.isEmpty() ? "no row" : "rows " + String.join(" / ", shown));
    }

    private static String keys(String text, Map<String, String> values) {
        Collection<String> keys = new TreeSet<>();
        var matcher = KEY.matcher(text);
        while (matcher.find()) {
            var key = matcher.group(1) != null ? matcher.group(1) : matcher.group(2);
            var plain = plain(key, values);
            if (plain.contains("<") || !CHANGING.matcher(key).find()) {
                keys.add(plain);
            }
        }
        return keys.isEmpty() ? "no keys; " + lines(text, values) : named(keys);
    }

    private static String members(String json, Map<String, String> values) {
        Collection<String> names = new TreeSet<>();
        addMembers(RemotingSerializable.fromJson(json, Map.class), false, values, names);
        return named(names);
    }

    private static void addMembers(Object value, boolean isTable, Map<String, String> values, Collection<String> names) {
        if (value instanceof Collection) {
            ((Collection<?>) value).forEach(one -> addMembers(one, false, values, names));
        } else if (value instanceof Map) {
            ((Map<?, ?>) value).forEach((key, member) -> {
                var name = key.toString();
                var plain = plain(name, values);
                if (isTable && !PREPARED.matcher(plain).matches()) {
                    return;
                }
                if (NAME.matcher(name).matches()) {
                    names.add(plain);
                }
                addMembers(member, name.endsWith("Table"), values, names);
            });
        }
    }

    private static String named(Collection<String> keys) {
        if (keys.size() <= KEYS_SHOWN) {
            return "ok; keys " + String.join(",", keys);
        }
        return String.format("ok; %d keys, %08x", keys.size(), String.join(",", keys).hashCode());
    }

    private static String lines(String text, Map<String, String> values) {
        return joined(plainLines(text, values));
    }

    private static List<String> plainLines(String text, Map<String, String> values) {
        List<String> lines = new ArrayList<>();
        for (String line : text.split("\n")) {
            lines.add(plain(line.trim().replaceAll("\\s+", " "), values));
        }
        return lines;
    }

    private static List<String> own(List<String> lines) {
        List<String> own = new ArrayList<>(lines);
        own.removeIf(line -> !OWN.matcher(line).find());
        return own;
    }

    private static List<String> beginnings(List<String> lines) {
        List<String> begun = new ArrayList<>();
        lines.forEach(line -> begun.add(line.length() <= LINE_BEGIN ? line : line.substring(0, LINE_BEGIN) + "..."));
        return begun;
    }

    private static String joined(Collection<String> lines) {
        var each = new LinkedHashSet<>(lines);
        each.remove("");
        return each.isEmpty() ? "no output" : cut("ok; " + String.join(" / ", each));
    }

    private static String cut(String text) {
        return text.length() <= LENGTH_SHOWN ? text : text.substring(0, LENGTH_SHOWN) + "...";
    }

    /** Names that the run made, ids, times, addresses and numbers become words. */
    private static String plain(String text, Map<String, String> values) {
        List<String> longestFirst = new ArrayList<>(values.keySet());
        longestFirst.sort(Comparator.comparing((String name) -> -values.get(name).length()));
        List<String> alternatives = new ArrayList<>();
        longestFirst.forEach(name -> alternatives.add(Pattern.quote(values.get(name))));
        text = Pattern.compile(String.join("|", alternatives)).matcher(text).replaceAll(found ->
            "<" + longestFirst.stream().filter(name -> values.get(name).equals(found.group())).findFirst().get() + ">");
        return text.replaceAll("\\b[0-9A-F]{32,}\\b", "<an-id>")
            .replaceAll("\\d{4}-\\d\\d-\\d\\d[ #T]\\d\\d:\\d\\d:\\d\\d([:,.]\\d+)?", "<a-time>")
            .replaceAll("\\d+\\.\\d+\\.\\d+\\.\\d+(:\\d+)?", "<an-address>")
            .replaceAll("\\bV\\d+_\\d+_\\d+(_SNAPSHOT)?\\b", "<version>")
            .replaceAll("(?<![A-Za-z0-9])\\d+(\\.\\d+)?([eE][-+]?\\d+)?|\\d{4,}", "n");
    }
}

#!/usr/bin/env bash
# Apache RocketMQ's SQL filter (rocketmq-filter 4.9.7 and 5.5.0): the compiler stops after the first complete expression
# and ignores the words behind it. LIKE, arithmetic, hexadecimal numbers, a missing AND, a comma: all compile without an
# error and filter by something else. On 4.9.7 this is also true for STARTSWITH, which 5.5.0 knows.
# Why it matters: a broker accepts such a subscription and the group quietly gets too much or nothing. A compiler that
# refuses them is stricter than Apache's, and a filter made for 5.x "works" on a 4.9 broker without delivering anything.
source "$(dirname "$0")/common.sh"
need java javac mvn

cat >"$work/Filter.java" <<'JAVA'
import java.util.Map;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.expression.Expression;
import org.apache.rocketmq.filter.parser.SelectorParser;

public class Filter {
    public static void main(String[] args) throws Exception {
        Map<String, Object> properties = Map.of("name", "abcd", "size", "9", "region", "eu");
        String[] filters = {"size > 5 + 10", "size > 0x10", "region = 'eu' size > 50", "region = 'eu', size > 50",
            "name LIKE 'abc%'", "name STARTSWITH 'abc'"};
        for (String filter : filters) {
            Expression compiled = SelectorParser.parse(filter);
            Object value = compiled.evaluate(new EvaluationContext() {
                public Object get(String key) { return properties.get(key); }
                public Map<String, Object> keyValues() { return properties; }
            });
            System.out.println(filter + "\t" + compiled + ": " + value);
        }
    }
}
JAVA

for version in 4.9.7 5.5.0; do
    jars $version rocketmq-filter
    echo "== rocketmq-filter $version; the message has name=abcd, size=9, region=eu"
    mkdir "$work/classes-$version"
    javac -cp "$work/$version/*" -d "$work/classes-$version" "$work/Filter.java"
    java -cp "$work/$version/*:$work/classes-$version" Filter >"$work/seen"
    seen() { awk -F'\t' -v filter="$1" '$1 == filter { print $2 }' "$work/seen"; }

    for row in "size > 5 + 10|(size > 5): true" "size > 0x10|(size > 0): true" "region = 'eu' size > 50|(region == 'eu'): true" \
        "region = 'eu', size > 50|(region == 'eu'): true" "name LIKE 'abc%'|name: false"; do
        expect "${row%%|*}" "an error when it is compiled" "${row#*|}" "$(seen "${row%%|*}")"
    done
    if [[ $version == 4.9.7 ]]; then
        expect "name STARTSWITH 'abc'" "an error when it is compiled, or true" "name: false" "$(seen "name STARTSWITH 'abc'")"
    else
        expect "name STARTSWITH 'abc'" "true" "(STARTSWITH name): true" "$(seen "name STARTSWITH 'abc'")"
    fi
done
finish

#!/usr/bin/env bash
# Apache RocketMQ's SQL filter (rocketmq-filter 4.9.7 and 5.5.0): truth values that differ from SQL-92.
#  - Two absent properties are EQUAL: "a = b" is true and "a <> b" false for a message with neither; "a = 'x'" is unknown.
#  - With one absent the sides matter: "region <> a" is true (a absent), "a <> region" is unknown, so it does not match.
#  - The form of the literal decides how the property is read: "price > 9" cannot read price=9.5 (an exception, which a
#    broker counts as no match), "price > 9.0" can. So does BETWEEN 1 AND 10.
#  - A property that is compared with a decimal literal goes through a double: 9007199254740993 > 9007199254740992.0 is false.
# Why it matters: another implementation must repeat this to deliver the same messages; users of decimal properties should write decimal literals.
source "$(dirname "$0")/common.sh"
need java javac mvn

cat >"$work/Filter.java" <<'JAVA'
import java.util.Map;
import org.apache.rocketmq.filter.expression.EvaluationContext;
import org.apache.rocketmq.filter.parser.SelectorParser;

public class Filter {
    public static void main(String[] args) throws Exception {
        Map<String, Object> properties = Map.of("region", "eu", "price", "9.5", "big", "9007199254740993");
        String[] filters = {"a = b", "a <> b", "a = 'x'", "region <> a", "a <> region", "price > 9", "price > 9.0", "price BETWEEN 1 AND 10", "price BETWEEN 1.0 AND 10.0",
            "big > 9007199254740992", "big > 9007199254740992.0"};
        for (String filter : filters) {
            String seen;
            try {
                seen = String.valueOf(SelectorParser.parse(filter).evaluate(new EvaluationContext() {
                    public Object get(String key) { return properties.get(key); }
                    public Map<String, Object> keyValues() { return properties; }
                }));
            } catch (RuntimeException e) {
                seen = e.getCause() instanceof NumberFormatException ? "NumberFormatException" : e.toString();
            }
            System.out.println(filter + "\t" + seen);
        }
    }
}
JAVA

for version in 4.9.7 5.5.0; do
    jars $version rocketmq-filter
    echo "== rocketmq-filter $version; the message has region=eu, price=9.5, big=9007199254740993, and no a, no b"
    mkdir "$work/classes-$version"
    javac -cp "$work/$version/*" -d "$work/classes-$version" "$work/Filter.java"
    java -cp "$work/$version/*:$work/classes-$version" Filter >"$work/seen"
    for row in "a = b|null (unknown)|true" "a <> b|null (unknown)|false" "a = 'x'|null (unknown)|null" \
        "region <> a|null (unknown)|true" "a <> region|null (unknown)|null" \
        "price > 9|true|NumberFormatException" "price > 9.0|true|true" \
        "price BETWEEN 1 AND 10|true|NumberFormatException" "price BETWEEN 1.0 AND 10.0|true|true" \
        "big > 9007199254740992|true|true" "big > 9007199254740992.0|true|false"; do
        IFS='|' read -r filter guess found <<<"$row"
        expect "$filter" "$guess" "$found" "$(awk -F'\t' -v filter="$filter" '$1 == filter { print $2 }' "$work/seen")"
    done
done
finish

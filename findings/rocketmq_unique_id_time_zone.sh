#!/usr/bin/env bash
# Apache RocketMQ's client ids (rocketmq-common 4.9.7 and 5.5.0): the time inside a unique id counts from the first of
# the month at midnight in the MAKER's time zone, and is read back in the READER's. A reader in UTC dates an id from
# Shanghai 8 hours too late; when that would be the future, it takes the month before, and is wrong by about a month.
# Why it matters: Java's 4.x client begins a query by unique id one second before this time, so from the wrong zone it
# begins after the message. Whoever decodes ids must not trust the time across zones.
source "$(dirname "$0")/common.sh"
need java javac mvn

cat >"$work/Id.java" <<'JAVA'
import org.apache.rocketmq.common.message.MessageClientIDSetter;

public class Id {
    public static void main(String[] args) {
        if (args.length == 0) {
            System.out.println("id " + MessageClientIDSetter.createUniqID());
            return;
        }
        if (args[0].equals("yesterday")) { // the same id with a time that is 24 hours less
            String id = MessageClientIDSetter.createUniqID();
            int at = id.length() - 12;
            long time = Long.parseLong(id.substring(at, at + 8), 16) - 24 * 3600_000L;
            System.out.println("id " + id.substring(0, at) + String.format("%08X", time) + id.substring(at + 8));
            return;
        }
        double hours = (System.currentTimeMillis() - MessageClientIDSetter.getNearlyTimeFromID(args[0]).getTime()) / 3600e3;
        boolean month = hours > 26 * 24 && hours < 31 * 24;
        System.out.println("age " + (month ? "about a month ago" : Math.round(hours) == 0 ? "now" : Math.round(hours) + " hours ago"));
    }
}
JAVA

for version in 4.9.7 5.5.0; do
    jars $version rocketmq-common
    echo "== rocketmq-common $version"
    mkdir "$work/classes-$version"
    javac -cp "$work/$version/*" -d "$work/classes-$version" "$work/Id.java"
    in_zone() {
        local zone=$1
        shift
        java "-Duser.timezone=$zone" "-Duser.home=$work" -cp "$work/$version/*:$work/classes-$version" Id "$@" | sed -n -E 's/^(id|age) //p'
    }
    shanghai=$(in_zone Asia/Shanghai)
    expect "made in Shanghai, read in Shanghai" "now" "now" "$(in_zone Asia/Shanghai "$shanghai")"
    expect "made in Shanghai, read in UTC" "now" "about a month ago" "$(in_zone UTC "$shanghai")"
    # In the first two days of a month an hour or a day less may fall into the month before: these pairs say something else then.
    if (($(TZ=UTC0 date +%-d) > 2 && $(TZ=CST-8 date +%-d) > 2)); then
        expect "made in UTC, read in Shanghai" "now" "8 hours ago" "$(in_zone Asia/Shanghai "$(in_zone UTC)")"
        expect "made in Shanghai 24 hours ago, read in UTC" "24 hours ago" "16 hours ago" "$(in_zone UTC "$(in_zone Asia/Shanghai yesterday)")"
    fi
done
finish

# Shared by the scripts of this folder; sourced, never run.
# Gives each script a time limit, a temporary folder of its own ($work), and `expect`, which compares a concrete value.

set -euo pipefail

if [[ -z "${FINDING_BOUNDED:-}" ]]; then
    FINDING_BOUNDED=1 exec timeout -k 10 300 bash "$0" "$@"
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 143' TERM INT
changed=0

# skip WHY: this machine cannot show the finding.
skip() {
    echo "SKIP: $1"
    exit 77
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >"$work/which" || skip "$tool is not installed"
    done
}

# debian PACKAGE: prints the installed version of a Debian package.
debian() {
    # shellcheck disable=SC2016  # dpkg-query expands it
    dpkg-query -W -f='${Package} ${Version}\n' "$1" 2>"$work/dpkg" || skip "the Debian package $1 is not installed"
}

# expect WHAT GUESS FOUND SEEN: prints what one would guess and what is seen; the finding holds while SEEN equals FOUND.
expect() {
    echo "$1"
    echo "    one expects: $2"
    echo "    seen:        $4"
    if [[ "$4" != "$3" ]]; then
        echo "    CHANGED: this finding was recorded as: $3"
        changed=1
    fi
}

# jars VERSION ARTIFACT...: copies Apache RocketMQ's jars of that version, with what they need, to $work/VERSION.
jars() {
    local version=$1 artifact
    shift
    mkdir -p "$work/pom-$version"
    {
        echo '<project><modelVersion>4.0.0</modelVersion>'
        echo '<groupId>finding</groupId><artifactId>finding</artifactId><version>1</version><dependencies>'
        for artifact in "$@"; do
            echo "<dependency><groupId>org.apache.rocketmq</groupId><artifactId>$artifact</artifactId><version>$version</version></dependency>"
        done
        echo '</dependencies></project>'
    } >"$work/pom-$version/pom.xml"
    (cd "$work/pom-$version" && mvn -q -B dependency:copy-dependencies -DoutputDirectory="$work/$version") >"$work/mvn.log" 2>&1 ||
        skip "Maven could not fetch RocketMQ $version"
    for artifact in "$@"; do
        [[ -f "$work/$version/$artifact-$version.jar" ]] || skip "Maven gave no $artifact $version"
    done
}

finish() {
    if [[ $changed -ne 0 ]]; then
        echo "CHANGED: the behaviour is no longer as described"
        exit 1
    fi
    echo "OK: the behaviour is as described"
}

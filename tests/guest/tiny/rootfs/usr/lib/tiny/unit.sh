# What tiny understands of systemd's units: sourced by systemctl and run-target.
#
# Enough for services that a kickstart or an RPM brings: [Unit] After, Requires, Condition(Path…); [Service] Type, Exec…,
# Environment, EnvironmentFile, WorkingDirectory, User, Restart, RestartSec, RemainAfterExit, RuntimeDirectory,
# StateDirectory, TimeoutStartSec; [Install] WantedBy, RequiredBy, Also, Alias; [Timer] OnBootSec, OnActiveSec,
# OnUnitActiveSec, Unit. All other settings are left out without a word, as an older systemd would.
UNIT_PATH='/etc/systemd/system /run/systemd/system /usr/lib/systemd/system'
UNIT_STATE=/run/tiny/units

unit_name() { case $1 in *.service | *.timer | *.target | *.mount | *.socket | *.path | *.slice) echo "$1" ;; *) echo "$1.service" ;; esac; }

# unit_file NAME: the path of a unit's file; an instance falls back to its template.
unit_file() {
    base=$1
    case $1 in *@?*.*) base="${1%%@*}@.${1##*.}" ;; esac
    for dir in $UNIT_PATH; do
        for name in "$1" "$base"; do
            [ -e "$dir/$name" ] && echo "$dir/$name" && return
        done
    done
    return 1
}

# unit_text NAME: `Section.Key=value` lines of the file and its drop-ins; continued lines joined, specifiers filled in.
unit_text() {
    file=$(unit_file "$1") || return 1
    instance=''
    case $1 in *@*) instance=${1#*@} instance=${instance%.*} ;; esac
    set -- "$1" "$file"
    for dir in $UNIT_PATH; do
        for extra in "$dir/$1.d/"*.conf; do [ -e "$extra" ] && set -- "$@" "$extra"; done
    done
    unit=$1
    shift
    awk -v unit="$unit" -v instance="$instance" -v host="$(hostname)" '
        /^[ \t]*[#;]/ { next }
        { line = held $0; held = "" }
        line ~ /\\$/ { sub(/\\$/, " ", line); held = line; next }
        line ~ /^\[/ { section = substr(line, 2, index(line, "]") - 2); next }
        line ~ /=/ {
            key = substr(line, 1, index(line, "=") - 1); value = substr(line, index(line, "=") + 1)
            gsub(/[ \t]/, "", key); sub(/^[ \t]+/, "", value); sub(/[ \t]+$/, "", value)
            gsub(/%%/, "\001", value); gsub(/%n/, unit, value); gsub(/%i/, instance, value); gsub(/%H/, host, value)
            short = unit; sub(/\.[a-z]+$/, "", short); gsub(/%N/, short, value); gsub(/\001/, "%", value)
            print section "." key "=" value
        }' "$@"
}

# unit_all TEXT KEY: every value; an empty one takes back those before it.
unit_all() { printf '%s\n' "$1" | awk -v key="$2=" 'index($0, key) == 1 { v = substr($0, length(key) + 1); if (v == "") { n = 0 } else { list[++n] = v } } END { for (i = 1; i <= n; i++) print list[i] }'; }
unit_one() { unit_all "$1" "$2" | tail -n 1; }

# unit_seconds TIME: `1min 30s`, `90`, `500ms` … as seconds.
unit_seconds() {
    echo "$1" | awk '{ total = 0
        for (i = 1; i <= NF; i++) {
            n = $i + 0; u = $i; gsub(/[0-9.]/, "", u)
            total += n * (u == "ms" ? 0.001 : u ~ /^(m|min|minutes?)$/ ? 60 : u ~ /^(h|hr|hours?)$/ ? 3600 : u ~ /^(d|days?)$/ ? 86400 : 1)
        }
        print total }'
}

# unit_wanted TARGET: names of what is enabled for a target.
unit_wanted() {
    for dir in $UNIT_PATH; do
        for kind in wants requires; do
            for link in "$dir/$1.$kind/"*; do
                [ -e "$link" ] || [ -L "$link" ] && echo "${link##*/}"
            done
        done
    done | sort -u
}

unit_condition() {
    printf '%s\n' "$1" | sed -n 's/^Unit\.\(Condition\|Assert\)\([A-Za-z]*\)=/\2 /p' | while read -r kind value; do
        want=0
        case $value in '|'*) value=${value#|} ;; esac
        case $value in '!'*) want=1 value=${value#!} ;; esac
        case $kind in
        PathExists) [ -e "$value" ] ;;
        PathIsDirectory) [ -d "$value" ] ;;
        FileNotEmpty) [ -s "$value" ] ;;
        FileIsExecutable) [ -x "$value" ] ;;
        *) [ $want = 0 ] ;;
        esac
        [ $? = $want ] || exit 1
    done
}

# unit_words COMMAND: a command line as systemd splits it, one word a line (words have no line breaks).
unit_words() {
    printf '%s\n' "$1" | awk '{
        word = ""; open = 0; quote = ""
        for (i = 1; i <= length($0); i++) {
            c = substr($0, i, 1)
            if (quote != "") {
                if (c == quote) quote = ""
                else if (c == "\\" && quote == "\"") { i++; word = word substr($0, i, 1) }
                else word = word c
            } else if (c == "\"" || c == "\047") { quote = c; open = 1 }
            else if (c == "\\") { i++; word = word substr($0, i, 1); open = 1 }
            else if (c == " " || c == "\t") { if (open) print word; word = ""; open = 0 }
            else { word = word c; open = 1 }
        }
        if (open) print word }'
}

# unit_exec COMMAND USER: replaces this shell by the command. Variables are those of systemd: ${NAME} and $NAME.
unit_exec() {
    user=$2
    set -f
    IFS='
'
    set -- $(unit_words "$1" | while IFS= read -r word; do
        case $word in
        *'$'*)
            safe=$(printf '%s' "$word" | sed -e 's/[\\"`]/\\&/g' -e 's/\$\$/\\$/g' -e 's/\$(/\\$(/g')
            eval "printf '%s\n' \"$safe\""
            ;;
        *) printf '%s\n' "$word" ;;
        esac
    done)
    unset IFS
    set +f
    if [ -n "$user" ] && [ "$user" != root ]; then exec su -s /bin/sh "$user" -c 'exec "$@"' sh "$@"; fi
    exec "$@"
}

# unit_commands TEXT KEY USER: runs every command of a key; a `-` before one forgives its failure.
unit_commands() {
    text=$1 key=$2 user=$3
    unit_all "$text" "Service.$key" >"$UNIT_WORK/$key"
    while IFS= read -r command <&9; do
        forgive=''
        while :; do
            case $command in
            -*) forgive=1 command=${command#-} ;;
            @* | +* | '!'* | ':'*) command=${command#?} ;;
            *) break ;;
            esac
        done
        (unit_exec "$command" "$user") || [ -n "$forgive" ] || { code=$?; rm -f "$UNIT_WORK/$key"; return $code; }
    done 9<"$UNIT_WORK/$key"
    rm -f "$UNIT_WORK/$key"
}

unit_environment() {
    unit_all "$1" Service.Environment >"$UNIT_WORK/env"
    while IFS= read -r line; do
        unit_words "$line" >"$UNIT_WORK/words"
        while IFS= read -r pair; do export "$pair"; done <"$UNIT_WORK/words"
    done <"$UNIT_WORK/env"
    for file in $(unit_all "$1" Service.EnvironmentFile); do
        [ -e "${file#-}" ] || continue
        sed -n '/^[A-Za-z_][A-Za-z0-9_]*=/p' "${file#-}" >"$UNIT_WORK/env"
        while IFS= read -r line; do
            value=${line#*=}
            case $value in \"*\" | \'*\') value=${value#?} value=${value%?} ;; esac
            export "${line%%=*}=$value"
        done <"$UNIT_WORK/env"
    done
    rm -f "$UNIT_WORK/env" "$UNIT_WORK/words"
}

unit_set() { echo "$2" >"$UNIT_STATE/$1.state"; }
unit_get() { cat "$UNIT_STATE/$1.state" 2>/dev/null || echo inactive; }

# unit_run NAME: carries a service out, in this shell, to its end. States: activating, active, inactive, failed.
unit_run() {
    name=$1
    mkdir -p "$UNIT_STATE" /var/log/units
    # Units run side by side, and `$$` is the same in all of them.
    UNIT_WORK=$(mktemp -d "$UNIT_STATE/.XXXXXX")
    trap 'rm -rf "$UNIT_WORK"' EXIT
    text=$(unit_text "$name") || { echo "Unit $name not found." >&2; return 5; }
    if ! unit_condition "$text"; then unit_set "$name" inactive; return 0; fi
    unit_set "$name" activating
    type=$(unit_one "$text" Service.Type)
    restart=$(unit_one "$text" Service.Restart)
    pause=$(unit_seconds "$(unit_one "$text" Service.RestartSec)")
    [ "$pause" = 0 ] && pause=0.1
    user=$(unit_one "$text" Service.User)
    unit_environment "$text"
    for word in $(unit_all "$text" Service.RuntimeDirectory); do mkdir -p "/run/$word"; done
    for word in $(unit_all "$text" Service.StateDirectory); do mkdir -p "/var/lib/$word"; [ -z "$user" ] || chown "$user" "/var/lib/$word"; done
    dir=$(unit_one "$text" Service.WorkingDirectory)
    cd "${dir:-/}" 2>/dev/null || cd /
    case $(unit_one "$text" Service.StandardOutput) in
    *console* | tty) exec >/dev/console 2>&1 ;;
    *) exec >>"/var/log/units/$name.log" 2>&1 ;;
    esac
    while :; do
        code=0
        unit_commands "$text" ExecStartPre "$user" || code=$?
        if [ $code = 0 ]; then
            case ${type:-simple} in
            oneshot) unit_commands "$text" ExecStart "$user" || code=$? ;;
            forking) unit_commands "$text" ExecStart "$user" || code=$? ;;
            *)
                unit_commands "$text" ExecStart "$user" &
                echo $! >"$UNIT_STATE/$name.pid"
                unit_set "$name" active
                unit_commands "$text" ExecStartPost "$user"
                wait "$(cat "$UNIT_STATE/$name.pid")" || code=$?
                ;;
            esac
        fi
        # Who is stopped has not failed.
        [ -e "$UNIT_STATE/$name.stopped" ] && code=0 && break
        case $restart:$code in
        always:* | on-failure:[1-9]* | on-abnormal:[1-9]*) ;;
        *) break ;;
        esac
        sleep "$pause"
    done
    rm -f "$UNIT_STATE/$name.pid"
    case ${type:-simple} in
    oneshot | forking)
        if [ $code = 0 ]; then
            unit_commands "$text" ExecStartPost "$user"
            if [ "$type" = forking ] || [ "$(unit_one "$text" Service.RemainAfterExit | tr 'YTO1' 'yto1' | cut -c1)" = y ]; then
                unit_set "$name" active
                return 0
            fi
        fi
        ;;
    esac
    if [ $code = 0 ]; then unit_set "$name" inactive; else unit_set "$name" failed; fi
    # Whoever stops it waits for this: from here on the state is another's.
    rm -f "$UNIT_STATE/$name.stopped"
    return $code
}

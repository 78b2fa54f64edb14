# shellcheck shell=bash disable=SC2154 # scripts/up sets what is missing here
# What writer and relay say of themselves, once a second. Needs: writer_http, relay_http, lines, own_servers, console_note, note, note_until.

# What programs had counted that were ended meanwhile.
received_before=0 stored_before=0 same_before=0 other_before=0 quarantined_before=0 announced_before=0

# The samples of one moment: sums over all kinds, from Prometheus text.
sample() {
    local text
    text=$(curl --silent --max-time 2 "http://$writer_http/metrics" "http://$relay_http/metrics") || return 1
    read -r received stored same other quarantined announced pending lag < <(awk '
        /^candlepost_/ {
            name = $1
            sub(/[{].*/, "", name)
            sub(/^candlepost_(writer|relay)_/, "", name)
            if ($0 ~ /content="other"/) name = name "_other"
            sum[name] += $NF
        }
        END {
            printf "%d %d %d %d %d %d %d %.2f\n", sum["messages_received_total"], sum["records_stored_total"],
                sum["duplicates_total"], sum["duplicates_total_other"], sum["quarantined_total"],
                sum["rows_published_total"], sum["rows_pending"], sum["lag_seconds"]
        }' <<<"$text")
    ((received += received_before, stored += stored_before, same += same_before, other += other_before)) || true
    ((quarantined += quarantined_before, announced += announced_before)) || true
    sampled_at=$EPOCHREALTIME
}

# The program counts from 0 on when it is started again.
keep_counts() {
    if [[ $1 == relay ]]; then
        announced_before=${announced:-0}
    else
        received_before=${received:-0} stored_before=${stored:-0} same_before=${same:-0} other_before=${other:-0}
        quarantined_before=${quarantined:-0}
    fi
}

# What happened since the sample before, a second.
rates() {
    read -r rate_received rate_stored rate_announced < <(awk -v now="$sampled_at" -v before="${before_at:-0}" \
        -v a=$((received - ${before_received:-0})) -v b=$((stored - ${before_stored:-0})) \
        -v c=$((announced - ${before_announced:-0})) '
        function rate(count) { return count > 0 ? count / t : 0 }
        BEGIN { t = before ? now - before : 1e9; printf "%.0f %.0f %.0f\n", rate(a), rate(b), rate(c) }')
    before_at=$sampled_at before_received=$received before_stored=$stored before_announced=$announced
    stored_rates+=("$rate_stored") announced_rates+=("$rate_announced")
    ((${#stored_rates[@]} <= 40)) || { stored_rates=("${stored_rates[@]:1}") announced_rates=("${announced_rates[@]:1}"); }
}

stored_rates=() announced_rates=()
columns=(▁ ▂ ▃ ▄ ▅ ▆ ▇ █)

# sparkline NUMBER...: as a line of small columns.
sparkline() {
    local most=1 number text=''
    for number; do ((number <= most)) || most=$number; done
    for number; do text+=${columns[number * 7 / most]}; done
    printf '%s' "$text"
}

# 18379 as 18,379.
grouped() {
    local number=$1 text=''
    while ((${#number} > 3)); do
        text=,${number: -3}$text
        number=${number:0:-3}
    done
    printf '%s' "$number$text"
}

clock() { printf '%02d:%02d' $((SECONDS / 60)) $((SECONDS % 60)); }

progress() {
    if ! feeding; then
        echo "all $(grouped "$lines") sent"
    else
        echo "$((received < lines ? received * 100 / lines : 100)) % of $(grouped "$lines")"
    fi
}

duplicates_note() {
    if ((other > 0)); then
        echo "$(grouped "$other") with other content"
    elif ((same > stored)); then
        echo 'stored by an earlier run'
    fi
}

row() { printf '  %-20s %12s %8s  %s\033[K\n' "$@"; }

frame() {
    printf '\033[K\n  Candlepost  %-48s Ctrl-C stops it\033[K\n\033[K\n' "$(clock)"
    row 'messages in' "$(grouped "$received")" "$rate_received/s" "$(progress)"
    row '  stored' "$(grouped "$stored")" "$rate_stored/s" "$(sparkline "${stored_rates[@]}")"
    row '  duplicates' "$(grouped $((same + other)))" '' "$(duplicates_note)"
    row '  quarantined' "$(grouped "$quarantined")" '' ''
    row 'announced' "$(grouped "$announced")" "$rate_announced/s" "$(sparkline "${announced_rates[@]}")"
    row '  still to announce' "$(grouped "$pending")" '' "the oldest for $lag s"
    [[ -z $console_note ]] || printf '\033[K\n  console   %s\033[K\n' "$console_note"
    if ((SECONDS < note_until)); then
        printf '  note      %s\033[K\n' "$note"
    elif [[ -z $once ]]; then
        printf '  try       kill -9 %s: the relay, which is started again, and goes on where its ledger ends\033[K\n' "$relay"
    fi
    [[ -z $own_servers ]] || last_candles
}

# Straight from the table, so that the counters can be believed.
last_candles() {
    printf '\033[K\n  %-9s %-16s %9s %9s %9s %9s %11s\033[K\n' stored time open high low close volume
    "$here/scripts/servers" psql --quiet --tuples-only --no-align --field-separator=' ' 2>/dev/null --command="
        WITH last AS (
            SELECT market_id, interval_start, interval_end, created_at FROM candle_sticks
            ORDER BY created_at DESC, interval_start DESC, market_id LIMIT 5)
        SELECT symbol, to_char(open_time AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), open, high, low, close, volume
        FROM last JOIN candles USING (market_id, interval_start, interval_end) JOIN markets ON markets.id = market_id
        ORDER BY interval_start DESC, open_time DESC, market_id" |
        awk '{ printf "  %-9s %s %s %9.9s %9.9s %9.9s %9.9s %11.11s\033[K\n", $1, $2, $3, $4, $5, $6, $7, $8 }'
}

line() {
    printf '%s  in %s (%s/s, %s)  stored %s  duplicates %s  quarantined %s  announced %s  behind %s, %s s\n' \
        "$(clock)" "$(grouped "$received")" "$rate_received" "$(progress)" "$(grouped "$stored")" \
        "$(grouped $((same + other)))" "$(grouped "$quarantined")" "$(grouped "$announced")" "$(grouped "$pending")" \
        "$lag"
}

# In place on a terminal, else a line each two seconds.
show() {
    local text
    if [[ -t 1 ]]; then
        text=$(frame)
        [[ -z ${shown_lines-} ]] || printf '\033[%dA\r' "$shown_lines"
        printf '%s\n\033[J' "$text"
        shown_lines=$(wc -l <<<"$text")
    elif ((SECONDS >= ${next_line:-0})); then
        line
        next_line=$((SECONDS + 2))
    fi
}

/// What rounds of chaos showed, as Markdown.
struct ChaosSummary {
    let rounds: [RoundReport]

    /// A round that broke a promise is never void, whatever trace it missed.
    private var counted: [RoundReport] {
        rounds.filter { !$0.isVoid && ($0.faults.allSatisfy(\.isSeen) || !Self.broken($0).isEmpty) }
    }

    /// The codes of a round, each once, but for the one of a trace that was missed.
    private static func broken(_ round: RoundReport) -> Set<String> { Set(round.violations).subtracting(["V0"]) }

    var markdown: String {
        (Self.introduction + figures + kinds + voids + Self.record + matrix).joined(separator: "\n") + "\n"
    }

    private static let introduction = [
        """
        # What it was put through

        Written by `scripts/chaos --publish` from the rounds that it ran. A round has one to three writers and relays, of 1, 7
        or 64 markets, candles or all kinds of records, classic or quorum queues, a publisher that records what RabbitMQ
        confirmed, and a consumer that records what came. Faults are injected one after the other while messages flow; each must
        leave evidence, or the round is void. Then everything is drained and stopped, and a checker holds what was sent, stored,
        announced and booked against one another: nothing lost, torn, invented, altered, out of order, announced without being
        booked or the other way round, no more repeated than the faults allow. `relay verify` has to agree, and no program may
        have said a password. The checker itself is tested by histories with one thing wrong each.

        """
    ]

    /// Faults of the code that tests of this kind found, the newest first.
    private static let record = [
        """
        ## Found on the way

        Also in rounds of builds before, which the figures above leave out: 480 of them, with 3,624 faults, on PostgreSQL 15 and
        RabbitMQ 3.10; on PostgreSQL 17.12 and RabbitMQ 4.0.5 115, with 575 faults, and 30 of `--only limited`, with 150.

        | what | found by |
        | --- | --- |
        | a writer that widened its prefetch returned what was on its way to the consumer whose place another one took, several times in one session: 30 of 3,000 messages of a queue with a limit of 3 were dropped | `DeliveryLimitTests.aDatabaseThatRefusesToWrite` |
        | a writer whose table refused every record took the same messages again and again, and gave them back each time | the same |
        | a queue without a majority stopped all others: RabbitMQ ends the connection of who consumes it | `ClusterOutageTests.oneQueueLosesItsMajority` |
        | `writer migrate` that had done its work ended with SIGSEGV: at the end of the process OpenSSL freed what the thread of a connection just closed still used | `.ci/run`; `CandlepostTests` since |
        | a relay that had given a waiting lane to another one stayed not ready: nothing was confirmed to it any more | `outputQueueDeleted`, seed 103014 |
        | who began to wait for a connection just as it ended was told by nobody, since a task that awaits lets others go first: the tests stood still in one run of three, and a program might have | `scripts/test`; `TurnTests` since |
        | a program out of descriptors was ended by libdispatch (SIGILL) within seconds: it opens files in /proc while it has work, and traps when it can't | `writerOutOfDescriptors`, seed 45003 |
        | a relay stood still for thirty seconds after a full quorum queue had lost its limit: RabbitMQ does not tell the channel, and refuses everything on it | `outputQueueFull`, seed 45009 |
        | a relay that had lost a connection looked ready until its last ledger entry was answered, or given up | `RelayFailureTests` |
        | the thread of a connection that ended could be woken a moment after it had closed its pipe: a byte, written to whatever had that descriptor by then | `scripts/test --sanitize thread` |
        | a body of 50 MB stood in a writer's way for ever in an unoptimised build: copied byte by byte while its transaction idled | `hugeBodies`, seed 60000 |
        | `writer migrate` of an older version refused a newer schema, and with it a rollback where it runs at each start | looking for row 26 |
        | after the leader of a quorum queue had died a relay stood still until that node came back: the broker refused everything on that channel | `ClusterOutageTests.rabbitMQLosesANode` |
        | a write to a broker by TLS that takes nothing had no limit | `TLSTests.aBrokerThatTakesNothingIsGivenUp` |
        | a relay whose network failed while retention waited for PostgreSQL said nothing and did nothing, for an hour at the worst | `databaseHalfOpen`, seed 1006 |
        | a machine that fell silent kept its lanes for as long as the server's TCP gave it, two hours by default | `databaseHalfOpen`, seed 1007 |
        | a lane that was to be left stayed for ever if a row lay behind one that had left | the model, `leave-leaves-gaps` |
        | a stop in good order repeated rows | the model, `stop-leaves-gaps` |
        | rows repeated after a kill went out unmarked when another relay had held the lane between | the model, `release-suspects` |
        | the publishing window was no bound while the ledger was slow | the model, `heads-unbounded` |
        | a writer without RabbitMQ did not notice that PostgreSQL was away too | `ServerOutageTests.bothAtOnce` |

        ## Broken by a server

        In an earlier run, seed 72024: RabbitMQ 3.10.8, killed with -9 within a second after a quorum queue has been declared, can come
        back with that queue without its log and without a leader, for good ("Raft State: follower, Log Index 0, Term 0"). By itself,
        with no message and none of our programs: one of ten such queues in each of two trials; none of twenty whose tables had been
        written to disk (`dets:sync`), none of thirty killed after 2, 5 or 10 s. Nothing is announced then, rows stay pending, and
        `/readyz` says so; the queue has to be deleted, and the relay makes it again. Since then the harness has RabbitMQ
        write those tables down after it has declared queues, and before it is killed. It happened once more (seed 152008): of five quorum
        queues that were three seconds old each "could not be restarted {error,enoent}".

        ## Faults of the harness itself

        Of earlier runs, mended since. Seed 55002: a relay whose clock had jumped back connected no more, as libfaketime, which
        made the jump, had also moved its timers by an hour; clocks jump by `Tests/ClockShift` now. Seeds 55004 and 55006: the
        writer got no processor for 200 ms in the middle of a transaction, and the limit was just that; it is 2 s now. Seed
        35016: the writer's role was not allowed to fail. Seed 45010: a trace was missed on a machine with twenty other things
        to do; alone it holds. A trace that is missed voids the round since then.
        A node of a cluster that was about to join while another made a virtual host did not serve it, and refused logins;
        `scripts/cluster` has all nodes serve all of them before it says that they are there.
        Seeds 150014, 151013: an alarm, or a 403, came when no relay had anything to publish, so none was told; now it is taken back and
        tried again. Seeds 150030, 151027: a listener waited for a notification that an earlier fault of the round swallows. Seed 151003:
        an older relay that was to publish had lanes without a market. Seed 151010: no session was there to be ended.

        ## The matrix

        """
    ]

    // MARK: figures

    private var figures: [String] {
        let faults = counted.reduce(0) { $0 + $1.faults.count(where: \.isSeen) }
        let repeated = counted.reduce(0) { $0 + $1.repeated }
        let windows = counted.reduce(0) { $0 + $1.hardFaults }
        let graceful = counted.filter { $0.hardFaults == 0 }
        let codes = Dictionary(grouping: counted.flatMap(Self.broken)) { $0 }.mapValues(\.count)
        let found =
            codes.isEmpty
            ? "none"
            : codes.sorted { $0.key < $1.key }.map { "\($0.key) in \($0.value) rounds" }.joined(separator: ", ")
        var lines = [
            "| | |", "| --- | --- |",
            "| rounds | \(counted.count), and \(rounds.count - counted.count) void |",
            "| seeds | \(seeds) |",
            "| commits | \(commits) |",
            "| with quorum queues | \(with { $0.queues == .quorum }) |",
            "| of these, dropping what comes back more than three times | \(with { $0.deliveryLimit != nil }) |",
            "| faults with evidence | \(faults) |",
            "| messages sent and confirmed | \(counted.reduce(0) { $0 + $1.messages }) |",
            "| announced | \(counted.reduce(0) { $0 + $1.announced }) |",
            "| violations of any kind | \(found) |",
            "| repeated in all | \(repeated) |",
            "| repeated for each session that a hard fault ended | \(Self.format(Double(repeated) / Double(max(1, windows)))) on average, 100 allowed |",
            "| repeated in the \(graceful.count) rounds without a hard fault | \(graceful.reduce(0) { $0 + $1.repeated }) |",
        ]
        if codes.isEmpty && faults > 0 {
            lines.append("| failure rate, 95 % bound (3 / faults) | \(Self.format(300 / Double(faults))) % |")
        }
        return lines + [""] + servers
    }

    private func with(_ isMeant: (RoundReport) -> Bool) -> String {
        let rounds = counted.filter(isMeant)
        return "\(rounds.count) rounds, \(rounds.reduce(0) { $0 + $1.faults.count(where: \.isSeen) }) faults"
    }

    /// On which servers it was.
    private var servers: [String] {
        let names = Set(counted.map { $0.servers ?? "not noted" }).sorted()
        guard !names.isEmpty else { return [] }
        let lines = names.map { name in "| \(name) | \(with { ($0.servers ?? "not noted") == name }) |" }
        return ["| servers | |", "| --- | --- |"] + lines + [""]
    }

    /// `1 to 12, 5000 to 5002`.
    private var seeds: String {
        var ranges: [ClosedRange<UInt64>] = []
        for seed in Set(counted.map(\.seed)).sorted() {
            if let last = ranges.last, last.upperBound + 1 == seed {
                ranges[ranges.count - 1] = last.lowerBound...seed
            } else {
                ranges.append(seed...seed)
            }
        }
        return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound) to \($0.upperBound)" }
            .joined(separator: ", ")
    }

    private var commits: String {
        let names = Set(counted.map { $0.commit ?? "not noted" })
        return names.sorted().joined(separator: ", ")
    }

    // MARK: kinds

    private var kinds: [String] {
        let outcomes = Dictionary(grouping: counted.flatMap(\.faults), by: \.kind)
        let lines = FaultKind.allCases.map { kind -> String in
            let times = (outcomes[kind] ?? []).map(\.recoverySeconds).sorted()
            let recovery = [0.5, 0.95, 1].map { Self.quantile($0, of: times) }.joined(separator: " / ")
            let rows = kind.rows.map(String.init).joined(separator: ", ")
            return "| \(kind.rawValue) | \(rows) | \(kind.traits.summary) | \(times.count) | \(recovery) |"
        }
        return [
            "## By fault", "",
            "| fault | rows | what is done | times | seconds until it went on, p50 / p95 / max |",
            "| --- | --- | --- | --- | --- |",
        ] + lines + [""]
    }

    private static func quantile(_ share: Double, of sorted: [Double]) -> String {
        guard !sorted.isEmpty else { return "-" }
        return format(sorted[min(sorted.count - 1, Int(share * Double(sorted.count)))])
    }

    static func format(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return "\(tenths / 10).\(abs(tenths % 10))"
    }

    /// Rounds that show nothing, and why.
    private var voids: [String] {
        let lines = rounds.filter(\.isVoid).map { round in
            let reason = (round.voidReason ?? "not noted").split(whereSeparator: \.isNewline).joined(separator: " ")
            return "| \(round.seed) | \(round.commit ?? "") | \(reason.replacing("|", with: "/")) |"
        }
        guard !lines.isEmpty else { return [] }
        return ["## Void rounds", "", "| seed | commit | why |", "| --- | --- | --- |"] + lines + [""]
    }

    // MARK: matrix

    private var matrix: [String] {
        let times = Dictionary(grouping: counted.flatMap(\.faults).flatMap { $0.kind.rows }) { $0 }.mapValues(\.count)
        let lines = FaultMatrix.rows.map { row in
            "| \(row.number) | \(row.fault) | \(row.promise) | \(times[row.number].map(String.init) ?? "") | \(row.shown) |"
        }
        return ["| row | fault | promise | times in chaos | tests |", "| --- | --- | --- | --- | --- |"] + lines
    }
}

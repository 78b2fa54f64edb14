/// The fault matrix: what each row breaks, what is promised, and where it is shown.
struct FaultMatrix {
    struct Row: Sendable {
        let number: Int
        let fault: String
        let promise: String
        /// Tests beside the rounds of chaos, or why there are none.
        let shown: String
    }

    static let rows: [Row] = [
        Row(
            number: 1, fault: "kill -9 writer before commit", promise: "nothing half-written; redelivered",
            shown: "WriterCrashTests"),
        Row(
            number: 2, fault: "kill -9 writer after commit, before acknowledgement",
            promise: "no second record or outbox row", shown: "WriterCrashTests"),
        Row(
            number: 3, fault: "connection cut while COMMIT is in flight",
            promise: "unknown outcome is tried again, once stored", shown: "OutageTests"),
        Row(
            number: 4, fault: "kill -9 relay between publish and ledger", promise: "repeated, at most a window",
            shown: "RelayCrashTests"),
        Row(number: 5, fault: "SIGTERM under load", promise: "no loss, nothing repeated, exit 0", shown: "DrainTests"),
        Row(
            number: 6, fault: "SIGSTOP relay beyond its sessions, then SIGCONT", promise: "cannot move the ledger",
            shown: "SeveralProgramsTests, LaneLedgerTests"),
        Row(number: 7, fault: "SIGSTOP writer", promise: "late commit or acknowledgement is harmless", shown: ""),
        Row(
            number: 8, fault: "several relays and writers, churn", promise: "one owner for each lane",
            shown: "SeveralProgramsTests, LaneShareTests"),
        Row(
            number: 9, fault: "out of memory, out of descriptors", promise: "clean failure",
            shown: "DescriptorTests"),
        Row(number: 10, fault: "PostgreSQL crashes", promise: "reconnects by itself", shown: "ServerOutageTests"),
        Row(number: 11, fault: "PostgreSQL restarts", promise: "reconnects by itself", shown: "ServerOutageTests"),
        Row(
            number: 12, fault: "sessions ended by the server", promise: "unknown outcome is tried again",
            shown: "PostgresFaultTests"),
        Row(
            number: 13, fault: "read-only after a failover", promise: "waits; nothing is quarantined",
            shown: "PostgresFaultTests, ClusterOutageTests.postgresFailsOver"),
        Row(number: 14, fault: "too many connections", promise: "waits", shown: ""),
        Row(number: 15, fault: "disk full", promise: "input stays unacknowledged; goes on by itself", shown: ""),
        Row(
            number: 16, fault: "lock timeout, deadlock, serialization failure",
            promise: "whole transaction tried again", shown: "PostgresFaultTests"),
        Row(number: 17, fault: "statement timeout", promise: "whole batch tried again", shown: ""),
        Row(
            number: 18, fault: "idle-in-transaction kill", promise: "no transaction is held while waiting",
            shown: "PostgresFaultTests.nobodyIdlesInATransaction"),
        Row(
            number: 19, fault: "listening connection half open", promise: "noticed within 30 s; the poll delivers",
            shown: "DoorbellTests"),
        Row(
            number: 20, fault: "listening connection ended", promise: "listens again, then looks",
            shown: "DoorbellTests"),
        Row(
            number: 21, fault: "NOTIFY queue full", promise: "the listener is never in a transaction",
            shown: "by design: the listener runs single statements only"),
        Row(
            number: 22, fault: "NOTIFY serialises commits", promise: "rung after commit, by another connection",
            shown: "docs/design.md"),
        Row(
            number: 23, fault: "ids commit out of order", promise: "none skipped, none overtaken",
            shown: "SeveralProgramsTests, the model"),
        Row(
            number: 24, fault: "long transaction elsewhere", promise: "no bloat, order kept",
            shown: "docs/measurements.md"),
        Row(number: 25, fault: "two migrators at once", promise: "each migration once", shown: "MigratorTests"),
        Row(
            number: 26, fault: "old and new version side by side, rollback", promise: "the older one goes on",
            shown: "MigratorTests.aDatabaseThatIsAheadIsLeftAsItIs"),
        Row(
            number: 27, fault: "a ledger entry removed by hand", promise: "`relay verify` names it",
            shown: "VerificationTests"),
        Row(
            number: 28, fault: "kill -9 broker", promise: "nothing confirmed is lost",
            shown: "ServerOutageTests, ClusterOutageTests (a node of three, then two)"),
        Row(
            number: 29, fault: "broker restarts, closes connections", promise: "reconnects", shown: "ServerOutageTests"),
        Row(
            number: 30, fault: "memory or disk alarm", promise: "relay waits and says so; writer goes on",
            shown: "AMQPTests"),
        Row(
            number: 31, fault: "output queue deleted", promise: "returned, not marked; made again",
            shown: "OutputQueueTests"),
        Row(number: 32, fault: "input queue deleted", promise: "noticed, declared again", shown: "InputQueueTests"),
        Row(
            number: 33, fault: "output queue full (reject-publish)", promise: "waits, order kept",
            shown: "OutputQueueTests"),
        Row(number: 34, fault: "output queue full (drop-head)", promise: "start-up warns", shown: "QueueArgumentTests"),
        Row(
            number: 35, fault: "channel errors 406, 404, 403", promise: "channel opened again, with backoff",
            shown: "AMQPTests"),
        Row(number: 36, fault: "consumer acknowledgement timeout", promise: "consumes again", shown: ""),
        Row(
            number: 37, fault: "nack in a pipeline, multiple, out of order", promise: "each tag accounted for",
            shown: "PendingConfirmsTests, WindowModelTests"),
        Row(
            number: 38, fault: "broker silent, half open", promise: "noticed within two heartbeats",
            shown: "BrokenConnectionTests, NetworkOutageTests (packets dropped both ways)"),
        Row(
            number: 39, fault: "flapping network", promise: "progress or clean reconnect",
            shown: "NetworkOutageTests (30 % of packets lost; reset)"),
        Row(number: 40, fault: "slow or no consumer", promise: "nothing lost", shown: "OutputQueueTests"),
        Row(
            number: 41, fault: "delivery limit of a quorum queue", promise: "none is dropped",
            shown: "DeliveryLimitTests, `--only limited`"),
        Row(number: 42, fault: "permissions withdrawn", promise: "red, backoff", shown: ""),
        Row(
            number: 43, fault: "clock of a process jumps", promise: "no data time from a local clock", shown: ""),
        Row(
            number: 44, fault: "clock of the broker jumps", promise: "reconnects",
            shown: ""),
        Row(
            number: 45, fault: "not JSON, empty, broken UTF-8, BOM", promise: "kept with its reason",
            shown: "QuarantineTests, docs/decoder.md"),
        Row(number: 46, fault: "50 MB body", promise: "kept, memory bounded", shown: "QuarantineTests"),
        Row(number: 47, fault: "deep nesting", promise: "kept with its reason", shown: "RecordsTests"),
        Row(number: 48, fault: "NaN, Infinity, 1e400", promise: "kept with its reason", shown: "RecordsTests"),
        Row(number: 49, fault: "more than 38 digits", promise: "every digit stored, or refused", shown: "WriterTests"),
        Row(number: 50, fault: "integers as 1.0 or 1e3", promise: "documented", shown: "RecordsTests"),
        Row(number: 51, fault: "duplicate keys", promise: "refused", shown: "RecordsTests"),
        Row(number: 52, fault: "\\u0000, lone surrogates", promise: "refused", shown: "RecordsTests"),
        Row(
            number: 53, fault: "missing fields, wrong types, unknown market", promise: "kept with its reason",
            shown: "QuarantineTests"),
        Row(number: 54, fault: "leap second, far years", promise: "refused", shown: "RecordsTests"),
        Row(number: 55, fault: "same key, same content", promise: "counted, nothing stored", shown: "DuplicateTests"),
        Row(
            number: 56, fault: "same key, other content", promise: "first wins, the other is listed",
            shown: "DuplicateTests"),
        Row(
            number: 57, fault: "a row that only the database refuses", promise: "found by splitting",
            shown: "QuarantineTests"),
        Row(number: 58, fault: "hostile headers", promise: "bounded, ignored", shown: "HostileHeaderTests"),
        Row(
            number: 59, fault: "quarantine cannot be written", promise: "not acknowledged, tried again",
            shown: "WriterTests"),
    ]
}

#if FAILPOINTS
    import FoundationEssentials
    import Glibc
    import Synchronization
#endif

/// Named places at which a test can stop the program dead, in builds that have them (debug builds do).
///
/// `CANDLEPOST_FAILPOINT=writer.after_commit@3` kills the process, as `kill -9` does, when it comes to that place for the
/// third time.
public enum Failpoint {
    #if FAILPOINTS
        private struct Plan: Sendable {
            let name: String
            let hits: Int
        }

        private static let plan: Plan? = {
            guard let text = ProcessInfo.processInfo.environment["CANDLEPOST_FAILPOINT"] else { return nil }
            let parts = text.split(separator: "@")
            guard let name = parts.first else { return nil }
            return Plan(name: String(name), hits: parts.count > 1 ? Int(parts[1]) ?? 1 : 1)
        }()
        private static let hits = Atomic<Int>(0)

        public static func reach(_ name: StaticString) {
            guard let plan, plan.name == "\(name)" else { return }
            if hits.add(1, ordering: .relaxed).newValue == plan.hits { kill(getpid(), SIGKILL) }
        }
    #else
        @inlinable public static func reach(_ name: StaticString) {}
    #endif
}

import TestSupport

/// The virtual hosts that tests take, one each, and give back.
///
/// It hands out a few at a time, which also bounds how many tests run programs at once: a machine that is overrun tests
/// the deadlines and nothing else.
actor VirtualHosts {
    static let shared = VirtualHosts()

    /// As many as the servers were started with.
    private static let count = (try? TestEnvironment.value(of: "TEST_VHOSTS")).flatMap(Int.init) ?? 40

    private var free = (0..<VirtualHosts.count).map { "test-" + ($0 < 10 ? "0" : "") + "\($0)" }
    private var tickets = 4
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// Runs `body` with a virtual host of its own, with no queues in it.
    nonisolated func with<R: Sendable>(_ body: (VirtualHost) async throws -> R) async throws -> R {
        let name = await take()
        do {
            let host = try VirtualHost(name)
            try await host.clear()
            let result = try await body(host)
            await giveBack(name)
            return result
        } catch {
            await giveBack(name)
            throw error
        }
    }

    private func take() async -> String {
        if tickets > 0 {
            tickets -= 1
        } else {
            await withCheckedContinuation { waiting.append($0) }
        }
        return free.removeFirst()
    }

    private func giveBack(_ name: String) {
        free.append(name)
        guard waiting.isEmpty else { return waiting.removeFirst().resume() }
        tickets += 1
    }
}

import CoreMetrics
import Glibc
import Logging
import Testing

@testable import ProgramRuntime

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

@Suite("A crowd at the HTTP endpoint", .serialized, .timeLimit(.minutes(5))) struct HTTPCrowdTests {
    private func withServer(_ body: @escaping @Sendable (RawHTTPClient) async throws -> Void) async throws {
        let server = try OperationsServer(
            address: try #require(BindAddress("127.0.0.1:0")),
            setting: Setting.bindAddress("WRITER_HTTP", flag: nil, default: "127.0.0.1:9464", help: ""),
            readiness: Readiness(), metrics: PrometheusRegistry(), logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            try await body(RawHTTPClient(address: server.address))
            group.cancelAll()
        }
    }

    /// As many descriptors as the system allows: both ends of the connections are in this process.
    private func raiseLimit() throws {
        var limits = rlimit()
        try #require(getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0)
        limits.rlim_cur = min(limits.rlim_max, 65_536)
        try #require(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0)
        try #require(limits.rlim_cur >= 12_000, "this test needs 12,000 descriptors")
    }

    /// Three tries, as orchestrators give a probe: on a busy machine this process can stand between its connection and its
    /// request for longer than the crowd takes to fill all places.
    private func isAlive(_ client: RawHTTPClient) async -> Bool {
        for _ in 0..<3 where await client.body(of: "/livez") == "ok\n" { return true }
        return false
    }

    /// What each of the crowd sends, and how many they are. With complete heads a probe waits for those before it, in this
    /// process beside both ends of all connections.
    private static let crowds: [(String, Int)] = [
        ("", 10_000), ("G", 10_000), ("GET /metrics HTTP/1.1\r\nHost: localhost\r\nX: ", 10_000),
        ("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", 1000),
        ("POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\n\r\n", 1000),
    ]

    @Test(arguments: crowds) func probesAreAnsweredBesideACrowd(text: String, size: Int) async throws {
        try raiseLimit()
        try await withServer { client in
            let crowd = await withTaskGroup(of: [Int32].self) { group in
                for _ in 0..<4 { group.addTask { await client.connect(times: size / 4, sending: text) } }
                for _ in 0..<20 {
                    #expect(await isAlive(client), "a probe while they come")
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            #expect(crowd.count == size)
            for _ in 0..<10 { #expect(await isAlive(client), "a probe when they are there") }
            for descriptor in crowd { close(descriptor) }
        }
    }

    @Test func slowHeadsKeepNobodyOut() async throws {
        try await withServer { client in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<200 {
                    group.addTask {
                        _ = await client.exchange(
                            "GET /livez HTTP/1.1\r\nX: \(String(repeating: "x", count: 700))", in: 700)
                    }
                }
                for _ in 0..<20 { #expect(await client.body(of: "/livez") == "ok\n") }
                group.cancelAll()
            }
        }
    }
}

@Suite struct HTTPPlacesTests {
    private func peer(_ number: UInt64) -> HTTPPeer { HTTPPeer(network: number, isLoopback: false) }
    private let local = HTTPPeer(network: 127 << 24 | 1, isLoopback: true)

    private func guests(_ peer: HTTPPeer, _ stage: HTTPPlaces.Stage, _ count: Int) -> [HTTPPlaces.Guest] {
        (0..<count).map { _ in HTTPPlaces.Guest(peer: peer, stage: stage) }
    }

    @Test func nobodyLeavesWhileThereAreSome() {
        #expect(HTTPPlaces.leaving(for: peer(1), among: []) == nil)
        #expect(HTTPPlaces.leaving(for: peer(1), among: guests(peer(1), .asking, HTTPPlaces.perPeer - 1)) == nil)
        #expect(HTTPPlaces.leaving(for: local, among: guests(local, .asking, HTTPPlaces.local - 1)) == nil)
    }

    @Test func aPeerThatHasItsShareMakesRoomForItself() {
        let others = guests(peer(2), .asking, 3)
        #expect(HTTPPlaces.leaving(for: peer(1), among: others + guests(peer(1), .asking, HTTPPlaces.perPeer)) == 3)
    }

    @Test func otherMachinesTakeNoPlaceOfThisOne() {
        let crowd = (0..<8).flatMap { guests(peer($0), .asking, HTTPPlaces.perPeer) }
        #expect(crowd.count == HTTPPlaces.remote)
        #expect(HTTPPlaces.leaving(for: local, among: crowd) == nil)
        #expect(HTTPPlaces.leaving(for: peer(99), among: guests(local, .asking, 100) + crowd) == 100)
        let full = guests(local, .asking, HTTPPlaces.local) + crowd
        #expect(HTTPPlaces.leaving(for: local, among: full) == 0)
    }

    @Test func whoHasTheMostMakesRoomForANewMachine() {
        var crowd = (0..<225).map { HTTPPlaces.Guest(peer: peer($0 + 10), stage: .answered) }
        crowd += guests(peer(1), .asking, 31)
        #expect(HTTPPlaces.leaving(for: peer(5), among: crowd) == 225)
    }

    @Test func theAnsweredLeaveFirstThenTheHeadlessThenTheSlow() {
        let places = HTTPPlaces.local
        let slow = guests(local, .reading, places / 4)
        let headless = guests(local, .asking, places / 4)
        let answered = guests(local, .answered, places / 2)
        #expect(HTTPPlaces.leaving(for: local, among: slow + headless + answered) == places / 2)
        #expect(HTTPPlaces.leaving(for: local, among: slow + slow + headless + headless) == places / 2)
        #expect(HTTPPlaces.leaving(for: local, among: guests(local, .reading, places)) == 0)
    }

    @Test func whenDescriptorsAreShortOthersLeaveBeforeThisMachine() {
        let all = guests(local, .answered, 1) + guests(peer(1), .reading, 1)
        #expect(HTTPPlaces.leaving(for: local, among: all, mustLeave: true) == 1)
        #expect(HTTPPlaces.leaving(for: peer(2), among: all, mustLeave: true) == 1)
        #expect(HTTPPlaces.leaving(for: local, among: guests(local, .asking, 2), mustLeave: true) == 0)
        #expect(HTTPPlaces.leaving(for: peer(2), among: guests(local, .asking, 2), mustLeave: true) == nil)
        #expect(HTTPPlaces.leaving(for: local, among: [], mustLeave: true) == nil)
    }

    @Test func peersAreAddressesOrNetworks() {
        func six(_ text: String) -> HTTPPeer {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            inet_pton(AF_INET6, text, &address.sin6_addr)
            return HTTPPeer(address)
        }
        #expect(six("2001:db8::1") == six("2001:db8::ffff:1"))
        #expect(six("2001:db8::1") != six("2001:db8:0:1::1"))
        #expect(six("::1").isLoopback && !six("::2").isLoopback && !six("fe80::1").isLoopback)
        #expect(six("::ffff:127.0.0.1").isLoopback)
        #expect(six("::ffff:10.0.0.1") != six("::ffff:10.0.0.2"))
        #expect(!six("::ffff:10.0.0.1").isLoopback)
    }
}

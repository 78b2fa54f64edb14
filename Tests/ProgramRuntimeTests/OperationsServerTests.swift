import CoreMetrics
import Glibc
import Logging
import ServiceLifecycleTestKit
import Testing

@testable import ProgramRuntime

private let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
private let httpSetting = Setting.bindAddress(
    "WRITER_HTTP", flag: "--http", default: "127.0.0.1:9464", help: "where the HTTP endpoint is listening")

@Suite struct OperationsServerTests {
    private let readiness = Readiness()
    private let metrics = PrometheusRegistry()

    private func withServer(
        at text: String = "127.0.0.1:0", token: String? = nil,
        _ body: @escaping @Sendable (RawHTTPClient) async throws -> Void
    ) async throws {
        let server = try OperationsServer(
            address: try #require(BindAddress(text)), setting: httpSetting, readiness: readiness, metrics: metrics,
            token: token, logger: quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await server.run() }
            try await body(RawHTTPClient(address: server.address))
            group.cancelAll()
        }
    }

    @Test(arguments: ["127.0.0.1:0", "[::1]:0", "localhost:0"]) func answersProbes(address: String) async throws {
        readiness.declare(.postgres)
        try await withServer(at: address) { client in
            #expect(client.address.port != 0)
            #expect(await client.body(of: "/livez") == "ok\n")
            readiness.set(.postgres, .notReady("connection refused"))
            #expect(await client.body(of: "/readyz", status: 503) == "postgres: connection refused, retrying for 0 s\n")
            readiness.set(.postgres, .ready)
            #expect(await client.body(of: "/readyz?verbose") == "ready\n")
            readiness.startDraining()
            #expect(await client.body(of: "/readyz", status: 503) == "draining\n")
        }
    }

    @Test func servesMetrics() async throws {
        Counter(label: "stored_total", factory: metrics).increment(by: 3)
        try await withServer { client in
            let answer = await client.get("/metrics")
            #expect(answer.contains("Content-Type: text/plain; version=0.0.4"))
            #expect(answer.contains("\nstored_total 3\n"))
        }
    }

    @Test func speaksOpenMetricsToWhoeverAsks() async throws {
        try await withServer { client in
            let answer = await client.exchange(
                "GET /metrics HTTP/1.0\r\nAccept: text/plain;q=0.5\r\nACCEPT: application/openmetrics-text\r\n\r\n")
            #expect(answer.contains("Content-Type: application/openmetrics-text; version=1.0.0; charset=utf-8"))
            #expect(answer.hasSuffix("\n# EOF\n"))
        }
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", 404), ("GET /metrics/ HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("POST /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", 404),
        ("POST /livez HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nbody", 405),
        ("HEAD /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 405),
        ("get /livez HTTP/1.1\r\nHost: localhost\r\n\r\n", 405), ("GET /livez HTTP/1.0\n\n", 200),
        ("nonsense\r\n\r\n", 400),
        ("\r\n\r\n", 400), ("GET /livez HTTP/2\r\n\r\n", 400), ("GET http://x/livez HTTP/1.1\r\n\r\n", 400),
    ])
    func refusesTheRest(request: String, status: Int) async throws {
        try await withServer { client in
            #expect(await client.exchange(request).hasPrefix("HTTP/1.1 \(status) "))
        }
    }

    @Test func refusesAnEndlessHead() async throws {
        try await withServer { client in
            let endless = "GET /livez HTTP/1.1\r\nX: " + String(repeating: "x", count: 20_000)
            #expect(await client.exchange(endless).hasPrefix("HTTP/1.1 431 "))
        }
    }

    @Test func takesARequestInPieces() async throws {
        try await withServer { client in
            let request = "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n"
            #expect(await client.exchange(request, in: 12).hasSuffix("\r\n\r\nok\n"))
        }
    }

    @Test(arguments: [
        ("localhost", 200), ("LOCALHOST:80", 200), ("127.0.0.1:9464", 200), ("127.8.9.1", 200), ("[::1]:9464", 200),
        (" localhost ", 200), ("evil", 421), ("localhost.evil", 421), ("127.0.0.1.evil", 421), ("127.1", 421),
        ("0.0.0.0", 421), ("[::]", 421), ("", 421), ("evil:80@localhost", 421), ("128.0.0.1", 421),
    ])
    func onLoopbackOnlyLocalNamesAreAnswered(host: String, status: Int) async throws {
        try await withServer { client in
            for path in ["/livez", "/metrics"] {
                let answer = await client.exchange("GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(host): \(answer)")
            }
        }
    }

    @Test func onOtherAddressesAnyNameIsAnswered() async throws {
        try await withServer(at: "0.0.0.0:0") { client in
            #expect(await client.exchange("GET /livez HTTP/1.1\r\nHost: pod-7\r\n\r\n").hasPrefix("HTTP/1.1 200 "))
        }
    }

    @Test func otherMachinesNeedTheToken() async throws {
        readiness.declare(.postgres)
        try await withServer(at: "0.0.0.0:0", token: "correct horse".replacing(" ", with: "-")) { client in
            #expect(await client.body(of: "/livez") == "ok\n")
            #expect(await client.body(of: "/readyz", status: 503) == "not ready\n")
            #expect(await client.get("/metrics").contains("WWW-Authenticate: Bearer\r\n"))
            for wrong in ["correct-hors", "correct-horsf", "correct-horsee", "x", "correct-horsecorrect-horse"] {
                #expect(await client.get("/metrics", headers: "Authorization: Bearer \(wrong)\r\n").contains(" 401 "))
            }
            #expect(await client.get("/metrics", headers: "authorization: bearer correct-horse\r\n").contains(" 200 "))
        }
    }

    @Test func withoutATokenOtherMachinesGetNoMetrics() async throws {
        try await withServer(at: "0.0.0.0:0") { client in
            #expect(await client.body(of: "/metrics", status: 403)?.contains("WRITER_HTTP_TOKEN") == true)
        }
    }

    @Test func anAddressThatIsTakenIsNamed() async throws {
        try await withServer { client in
            let error = #expect(throws: SettingError.self) {
                try OperationsServer(
                    address: client.address, setting: httpSetting, readiness: readiness, metrics: metrics,
                    logger: quiet)
            }
            #expect(
                error?.description == "WRITER_HTTP is \"\(client.address)\", where the program cannot listen "
                    + "(address already in use), but may be: a free address of this machine")
        }
    }

    @Test func stopsPromptlyAndFreesItsPort() async throws {
        let server = try OperationsServer(
            address: try #require(BindAddress("127.0.0.1:0")), setting: httpSetting, readiness: readiness,
            metrics: metrics, logger: quiet)
        let address = server.address
        let start = ContinuousClock.now
        await testGracefulShutdown { trigger in
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await server.run() }
                #expect(await RawHTTPClient(address: address).body(of: "/livez") == "ok\n")
                trigger.triggerGracefulShutdown()
            }
        }
        #expect(ContinuousClock.now - start < .seconds(15))
    }

    @Test(arguments: ["", ":1", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "::1:80", "[127.0.0.1]:80", "host:80"])
    func badAddressesAreRefused(text: String) {
        #expect(BindAddress(text) == nil)
    }
}

import Glibc
import Logging
import Postgres
import TestSupport
import Testing

/// Against the test server, which shows `server.pem` by TLS, and stand-ins that show others.
@Suite("TLS to PostgreSQL", .enabled(if: getenv("TEST_AMQPS_CA") != nil), .timeLimit(.minutes(2)))
struct TLSTests {
    /// Options that lead to the test server, by TLS if it proves who it is.
    private func verified(_ changes: [String: String?] = [:]) throws -> String {
        let url = try TestEnvironment.databaseURL
        let options: [String: String?] = [
            "host": "localhost", "sslmode": "verify-full", "sslrootcert": try TestCertificates.certificate("ca"),
        ]
        let query = options.merging(changes) { $1 }.compactMap { name, value in value.map { "\(name)=\($0)" } }
            .joined(separator: "&")
        return url[..<(url.firstIndex(of: "?") ?? url.endIndex)] + "?\(query)"
    }

    private func connect(_ conninfo: String) async throws -> PostgresConnection {
        var configuration = PostgresConfiguration(conninfo: conninfo, applicationName: "tests")
        configuration.connectTimeout = .seconds(30)
        return try await PostgresConnection.connect(configuration, logger: Logger(label: "tests"))
    }

    private func refusal(_ conninfo: String) async throws -> String {
        let error = try #require(await #expect(throws: PostgresError.self) { try await connect(conninfo) })
        #expect(error.kind == .connect)
        return error.message
    }

    /// Options that lead to a stand-in.
    private func standIn(_ front: PostgresFront, host: String = "localhost", mode: String? = "verify-full") throws
        -> String
    {
        let ca = try TestCertificates.certificate("ca")
        return "host=\(host) hostaddr=127.0.0.1 port=\(front.port) user=u password=canary sslrootcert=\(ca)"
            + (mode.map { " sslmode=\($0)" } ?? "")
    }

    @Test func theRightServerIsTalkedToByTLS() async throws {
        let connection = try await connect(verified())
        let session = try await connection.execute("SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        #expect(session.bool(0, 0) && session.text(0, 1).hasPrefix("TLSv1."))
        await connection.close()
    }

    @Test func aServerOfAnotherAuthorityIsRefused() async throws {
        let message = try await refusal(verified(["sslrootcert": TestCertificates.certificate("other-ca")]))
        #expect(
            message.contains("certificate verify failed: self-signed certificate in certificate chain"), "\(message)")
    }

    /// Without sslmode: the host's name alone makes it verify.
    @Test func aServerWithAnotherNameIsRefused() async throws {
        let message = try await refusal(
            verified(["host": "db.candlepost.invalid", "hostaddr": "127.0.0.1", "sslmode": nil]))
        #expect(
            message.contains(#"certificate for "localhost" does not match host name "db.candlepost.invalid""#),
            "\(message)")
    }

    @Test(arguments: [
        ("expired", "certificate has expired"), ("other-authority", "unable to get local issuer certificate"),
    ])
    func aStandInIsRefusedAndLearnsNothing(certificate: String, reason: String) async throws {
        try await TLSServer.with(certificate: certificate) { port in
            let front = PostgresFront(answer: "S", to: port)
            let message = try await refusal(standIn(front))
            #expect(message.contains("certificate verify failed: \(reason)"), "\(message)")
            try await expectClients(of: front, 1)
            #expect(front.said.allSatisfy { $0.first == 0x16 }, "a TLS handshake and nothing else")
            #expect(!String(decoding: front.said.joined(), as: UTF8.self).contains("canary"))
        }
    }

    @Test(arguments: ["verify-full", nil])
    func aServerWithoutTLSLearnsNothing(mode: String?) async throws {
        let front = PostgresFront(answer: "N")
        let message = try await refusal(standIn(front, host: "db.candlepost.invalid", mode: mode))
        #expect(message.contains("server does not support SSL, but SSL was required"), "\(message)")
        try await expectClients(of: front, 1)
        #expect(front.said == [[]])
    }

    // MARK: who the client is

    @Test func passwordsCanBeBoundToTheChannel() async throws {
        let connection = try await connect(verified(["channel_binding": "require"]))
        await connection.close()
        let plain = try await refusal(verified(["channel_binding": "require", "sslmode": "disable"]))
        #expect(plain.contains("channel binding"), "\(plain)")
    }

    /// A server that asks for the password itself, or for what can be used in its place, gets neither.
    @Test(arguments: ["password", "md5"])
    func aWeakQuestionIsNotAnswered(method: String) async throws {
        let admin = try await connect(verified())
        let role = "test_\(UInt64.random(in: 0 ... .max))"
        try await admin.script(
            """
            DO $$ BEGIN CREATE ROLE test_\(method); EXCEPTION WHEN duplicate_object THEN END $$;
            SET password_encryption = '\(method == "md5" ? "md5" : "scram-sha-256")';
            CREATE ROLE \(role) LOGIN PASSWORD 'canary' IN ROLE test_\(method);
            """)
        let authority = try TestCertificates.certificate("ca")
        let url = try TestEnvironment.databaseURL
        let port = try #require(url.firstRange(of: "@127.0.0.1:").map { url[$0.upperBound...].prefix { $0.isNumber } })
        let own =
            "host=localhost port=\(port) user=\(role) password=canary dbname=postgres sslmode=verify-full sslrootcert=\(authority)"
        let unbound = try await connect(own)
        await unbound.close()
        let message = try await refusal(own + " channel_binding=require")
        #expect(message.contains("channel binding required but not supported"), "\(message)")
        try await admin.script("DROP ROLE \(role)")
        await admin.close()
    }

    /// The stand-in counts a client when it has gone.
    private func expectClients(of front: PostgresFront, _ count: Int) async throws {
        while front.said.count < count { try await Task.sleep(for: .milliseconds(5)) }
        #expect(front.said.count == count, "nobody came back for a second try")
    }
}

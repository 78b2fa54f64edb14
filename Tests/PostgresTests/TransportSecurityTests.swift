import Testing

@testable import Postgres

@Suite("TLS where the conninfo does not say")
struct TransportSecurityTests {
    private static let system = TransportSecurity.systemCertificates

    private func defaults(
        _ text: String, environment: [String: String] = [:], files: Set<String> = [system]
    ) throws -> [String: String] {
        TransportSecurity.defaults(
            for: try Conninfo(parsing: text).options, environment: { environment[$0] }, fileExists: files.contains)
    }

    @Test(arguments: [
        "", "dbname=x", "host=/var/run/postgresql", "host=@abstract", "postgresql://localhost/db",
        "postgresql://127.0.0.1/db", "postgresql://127.8.9.10/db", "postgresql://[::1]/db", "hostaddr=127.0.0.1",
        "host=localhost,127.0.0.1,/tmp",
    ])
    func onThisMachineItIsLeftToLibpq(text: String) throws {
        #expect(try defaults(text).isEmpty)
    }

    @Test(arguments: [
        "host=db", "postgresql://10.0.0.1/db", "postgresql://[fe80::1]/db", "host=localhost.example.org",
        "host=127.0.0.1.example.org", "hostaddr=10.0.0.1", "host=db hostaddr=127.0.0.1", "host=localhost,db",
        "service=production",
    ])
    func elsewhereTheServerHasToProveWhoItIs(text: String) throws {
        #expect(try defaults(text) == ["sslmode": "verify-full", "sslrootcert": Self.system])
        #expect(try defaults(text, files: []) == ["sslmode": "verify-full"])
    }

    @Test func theHostMayComeFromTheEnvironment() throws {
        #expect(try defaults("dbname=x", environment: ["PGHOST": "db"])["sslmode"] == "verify-full")
        #expect(try defaults("dbname=x", environment: ["PGHOSTADDR": "10.0.0.1"])["sslmode"] == "verify-full")
        #expect(try defaults("dbname=x", environment: ["PGSERVICE": "production"])["sslmode"] == "verify-full")
        #expect(try defaults("host=localhost", environment: ["PGHOST": "db"]).isEmpty)
    }

    @Test(arguments: ["disable", "allow", "prefer", "require", "verify-ca"])
    func whatIsSaidHolds(mode: String) throws {
        #expect(try defaults("host=db sslmode=\(mode)").isEmpty)
        #expect(try defaults("host=db", environment: ["PGSSLMODE": mode]).isEmpty)
    }

    @Test func anAuthorityThatLibpqFindsIsNotReplaced() throws {
        let found = ["sslmode": "verify-full"]
        #expect(try defaults("host=db sslrootcert=/my/ca.pem") == found)
        #expect(try defaults("host=db", environment: ["PGSSLROOTCERT": "/my/ca.pem"]) == found)
        let home = ["HOME": "/home/me"]
        #expect(
            try defaults("host=db", environment: home, files: [Self.system, "/home/me/.postgresql/root.crt"]) == found)
        #expect(try defaults("host=db", environment: home)["sslrootcert"] == Self.system)
        #expect(try defaults("host=localhost sslmode=verify-full") == ["sslrootcert": Self.system])
    }

    @Test func eachOfSeveralHostsIsJudgedAlone() throws {
        var conninfo = try Conninfo(parsing: "host=localhost,db sslrootcert=/ca.pem")
        conninfo.apply(PostgresConfiguration(conninfo: "", applicationName: "tests"))
        #expect(conninfo.candidates.map { $0["sslmode"] } == [nil, "verify-full"])
    }
}

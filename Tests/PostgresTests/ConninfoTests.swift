import Testing

@testable import Postgres

@Suite("Connection strings")
struct ConninfoTests {
    private func applied(_ text: String, parameters: [String: String] = [:]) throws -> Conninfo {
        var conninfo = try Conninfo(parsing: text)
        conninfo.apply(PostgresConfiguration(conninfo: text, applicationName: "me", parameters: parameters))
        return conninfo
    }

    @Test func oursGoUnderAndOver() throws {
        let options = try applied("postgresql://h/db?keepalives_idle=99&application_name=you").options
        #expect(options["keepalives_idle"] == "99")
        #expect(options["keepalives_count"] == "3")
        #expect(options["tcp_user_timeout"] == "30000")
        #expect(options["application_name"] == "me")
        #expect(options["client_encoding"] == "UTF8")
        #expect(options["target_session_attrs"] == nil)
    }

    @Test func laterSettingsWin() throws {
        let options = try applied("host=h options='-c work_mem=8MB'", parameters: ["a.b": "x \\y"]).options
        #expect(
            options["options"] == "-c statement_timeout=30000ms -c idle_in_transaction_session_timeout=30000ms "
                + "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2 "
                + "-c tcp_user_timeout=15000 -c candlepost.options=on -c work_mem=8MB -c a.b=x\\ \\\\y")
    }

    @Test func severalHostsAreTriedOneByOneForAWritableOne() throws {
        let candidates = try applied("postgresql://u@a:1,b:2/db").candidates
        #expect(candidates.map { $0["host"] } == ["a", "b"])
        #expect(candidates.map { $0["port"] } == ["1", "2"])
        #expect(candidates.allSatisfy { $0["target_session_attrs"] == "read-write" })
    }

    @Test func onePortServesAllHosts() throws {
        #expect(try applied("host=a,b port=7").candidates.map { $0["port"] } == ["7", "7"])
    }

    @Test(arguments: ["host=a,b target_session_attrs=prefer-standby", "host=a,b,c port=1,2"])
    func whatOnlyLibpqCanJudgeIsLeftToIt(text: String) throws {
        #expect(try applied(text).candidates.count == 1)
    }

    @Test func theUsersChoiceOfServerStays() throws {
        let options = try applied("host=a,b target_session_attrs=any").options
        #expect(options["target_session_attrs"] == "any")
    }

    @Test(arguments: [
        "postgresql://u:sek%ret@h/db", "postgresql://u:sek@ret@h/db", "postgresql://u:sek/ret@h/db",
        "postgresql://u:12/sekret@h/db", "host=h password=sek ret", "postgresql://u:p@h/db?sekret=1",
    ])
    func anUnusableOneIsNotRepeated(text: String) throws {
        let error = try #require(throws: PostgresError.self) { try Conninfo(parsing: text) }
        #expect(error.kind == .configuration)
        #expect(error.recovery == .fix)
        #expect(!error.description.contains("sek") && !error.description.contains("ret@"))
    }

    @Test func messagesLoseSecretsHintsAndRepetitions() throws {
        let secrets = try Conninfo(parsing: "postgresql://u:canary%20bird@h").secrets
        let message = Redaction(secrets: secrets).message("no canary bird here\n\tIs it there?\nno canary bird here\n")
        #expect(message == "no *** here")
        #expect(Redaction(secrets: []).message("") == "no reason given")
    }

    @Test func aLoggedConfigurationGivesNothingAway() {
        let configuration = PostgresConfiguration(conninfo: "postgresql://u:canary@h", applicationName: "me")
        var dumped = ""
        dump(configuration, to: &dumped)
        for text in ["\(configuration)", String(reflecting: configuration), "\([configuration])", dumped] {
            #expect(!text.contains("canary"))
        }
    }

    @Test(arguments: [(Duration.seconds(2), 2000 as Int64), (.microseconds(1500), 2), (.zero, 1), (.seconds(-1), 1)])
    func durationsAreRoundedUp(duration: Duration, milliseconds: Int64) {
        #expect(duration.wholeMilliseconds == milliseconds)
    }
}

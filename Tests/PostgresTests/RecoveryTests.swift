import Postgres
import Testing

@Suite("What to do about an error")
struct RecoveryTests {
    @Test(arguments: [
        "08006", "40001", "40P01", "53100", "53300", "57014", "57P01", "57P03", "58030", "72000", "25006", "25P03",
        "55P03", "55006", "XX000",
    ])
    func outagesAndConflictsAreRetried(sqlstate: String) {
        #expect(PostgresError(kind: .server, message: "", sqlstate: sqlstate).recovery == .retry)
    }

    @Test(arguments: [
        "22P02", "22021", "22008", "23505", "23503", "23514", "21000", "44000", "P0001", "54000", "54001",
    ])
    func dataIsRefused(sqlstate: String) {
        #expect(PostgresError(kind: .server, message: "", sqlstate: sqlstate).recovery == .refuseRow)
    }

    @Test(arguments: ["42P01", "42501", "28000", "3D000", "3F000", "0A000", "26000", "XX002", "54011", "99999"])
    func theRestNeedsSomebody(sqlstate: String) {
        #expect(PostgresError(kind: .server, message: "", sqlstate: sqlstate).recovery == .fix)
    }

    @Test func aFullNotificationQueueIsRetriedAtCommit() {
        #expect(PostgresError(kind: .server, message: "", sqlstate: "54000", atCommit: true).recovery == .retry)
    }

    @Test(arguments: ["0A000", "26000"])
    func aStalePreparationIsRetried(sqlstate: String) {
        #expect(PostgresError(kind: .server, message: "", sqlstate: sqlstate, usedPrepared: true).recovery == .retry)
    }

    @Test(arguments: [PostgresError.Kind.connect, .connectionLost, .replyTimeout, .closed, .rolledBack])
    func everyLossIsRetriedWhateverTheCode(kind: PostgresError.Kind) {
        #expect(PostgresError(kind: kind, message: "", sqlstate: "28P01").recovery == .retry)
        #expect(PostgresError(kind: kind, message: "").recovery == .retry)
    }

    @Test func theDescriptionNamesCodeAndStatement() {
        let error = PostgresError(kind: .server, message: "no such table", sqlstate: "42P01", statement: "SELECT")
        #expect("\(error)" == "server: no such table [42P01] in SELECT")
    }
}

import Testing

@testable import Postgres

@Suite("Prepared statements")
struct StatementCacheTests {
    private let named = Statement("SELECT $1", name: "one", [.int4(1)])

    @Test func aNamedStatementIsPreparedOnceInAPipeline() throws {
        #expect(
            try StatementCache().plan([named, named])
                == [
                    .prepare(statement: 0), .run(statement: 0, isCommit: false), .run(statement: 1, isCommit: false),
                ])
    }

    @Test func andNotAgainWhenTheServerHasIt() throws {
        var cache = StatementCache()
        cache.markPrepared(named)
        #expect(try cache.plan([named]) == [.run(statement: 0, isCommit: false)])
        cache.removeAll()
        #expect(try cache.plan([named]).count == 2)
    }

    @Test(arguments: [
        Statement("SELECT $1 + 1", name: "one", [.int4(1)]), Statement("SELECT $1", name: "one", [.int8(1)]),
    ])
    func oneNameForTwoThingsIsRefused(other: Statement) {
        #expect(throws: PostgresError.self) { try StatementCache().plan([named, other]) }
    }

    @Test func tooManyParametersAreRefused() {
        let statement = Statement("SELECT 1", Array(repeating: .bool(true), count: 65_536))
        #expect(throws: PostgresError.self) { try StatementCache().plan([statement]) }
    }

    @Test(arguments: [
        ("COMMIT", true), (" \n end", true), ("commit and chain", true), ("SELECT 1", false), ("", false),
    ])
    func commitIsRecognised(sql: String, isCommit: Bool) {
        #expect(Statement(sql).isCommit == isCommit)
    }

    @Test func theLabelHoldsNoData() {
        #expect(Statement("select 'secret'").label == "SELECT")
        #expect(named.label == "one")
    }
}

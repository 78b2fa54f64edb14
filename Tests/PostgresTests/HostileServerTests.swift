import Glibc
import Logging
import TestSupport
import Testing

@testable import Postgres

/// Whatever answers: an error with a reason, within bounds of memory and time. `HOSTILE_SECONDS=3600` makes the random part run
/// for an hour.
@Suite("A server that is none", .timeLimit(.minutes(90)))
struct HostileServerTests {
    private static let limit = 4 << 20

    private func connect(_ server: FakePostgres) async throws(PostgresError) -> PostgresConnection {
        var configuration = PostgresConfiguration(conninfo: server.url, applicationName: "tests")
        configuration.connectTimeout = .seconds(3)
        configuration.replyTimeout = .seconds(3)
        configuration.maximumReplyBytes = Self.limit
        return try await PostgresConnection.connect(
            configuration, logger: Logger(label: "tests") { _ in SwiftLogNoOpLogHandler() })
    }

    // MARK: without end

    /// A message that announces a gigabyte.
    private static func long(_ type: Character, _ filler: UInt8) -> [UInt8] {
        [type.asciiValue ?? 0] + FakeReply.int4(1 << 30) + [UInt8](repeating: filler, count: 1 << 16)
    }

    private static let notice = FakeReply.message("N", FakeReply.text("Mhello") + [0])
    private static let setting = FakeReply.parameter("a", String(repeating: "b", count: 1000))
    private static let notification = FakeReply.message(
        "A", FakeReply.int4(1) + FakeReply.text("c") + FakeReply.text("p"))

    struct Fault: Sendable, CustomTestStringConvertible {
        let what: String
        var testDescription: String { what }
        /// Before a session has begun, as the very first thing or after the password was taken; else in answer to a statement.
        let stage: Stage
        let bytes: [UInt8]

        enum Stage { case first, admitted, answer }
    }

    private static let endless = [
        Fault(what: "an old server's error", stage: .first, bytes: [UInt8](repeating: 69, count: 1 << 16)),
        Fault(what: "a long error", stage: .first, bytes: long("E", 120)),
        Fault(what: "a long request for a password", stage: .first, bytes: long("R", 0)),
        Fault(what: "notices", stage: .admitted, bytes: notice),
        Fault(what: "settings", stage: .admitted, bytes: setting),
        Fault(what: "rows", stage: .answer, bytes: FakeReply.row([[1, 2, 3, 4], nil])),
        Fault(what: "a long row", stage: .answer, bytes: long("D", 0)),
        Fault(what: "notices", stage: .answer, bytes: notice), Fault(what: "settings", stage: .answer, bytes: setting),
        Fault(what: "notifications", stage: .answer, bytes: notification),
        Fault(what: "a long error", stage: .answer, bytes: long("E", 120)),
    ]

    @Test(arguments: endless) func bytesWithoutEnd(fault: Fault) async throws {
        let server = try FakePostgres { client in
            switch fault.stage {
            case .first: guard client.startup() else { return }
            case .admitted:
                guard client.startup(), client.send(FakeReply.message("R", FakeReply.int4(0))) else { return }
            case .answer:
                guard client.welcome(), client.nextRequest() != nil else { return }
                client.send(FakeReply.message("1", []) + FakeReply.message("2", []))
                client.send(FakeReply.columns(["a", "b"]))
            }
            client.sendForEver([[UInt8]](repeating: fault.bytes, count: 1 + 65_536 / fault.bytes.count).flatMap(\.self))
        }
        let error = await #expect(throws: PostgresError.self) {
            let connection = try await connect(server)
            _ = try await connection.execute("SELECT 1")
        }
        #expect(error?.recovery == .retry, "\(String(describing: error))")
        // What the kernel has taken and nobody read counts, too; and libpq goes on reading a long message while it comes fast
        // (141 MB seen on a busy machine), so this is a bound for peers that are no faster than this one.
        #expect(server.sentBytes < 512 << 20)
    }

    @Test func anIdleSessionTakesLittle() async throws {
        let server = try FakePostgres { client in
            guard client.welcome() else { return }
            client.sendForEver(
                FakeReply.message("N", [0x4D] + FakeReply.text(String(repeating: "x", count: 900)) + [0]))
        }
        let connection = try await connect(server)
        await #expect(throws: PostgresError.self) { try await connection.nextNotification(timeout: .seconds(60)) }
        #expect(server.sentBytes < 32 << 20)
    }

    // MARK: answers to something else

    @Test func anAnswerWithoutRowsOrColumnsIsAnError() async throws {
        let server = try FakePostgres { client in
            guard client.welcome() else { return }
            while client.nextRequest() != nil {
                client.send(FakeReply.answer(["a"], [[nil], [[1, 2]]]) + FakeReply.ready)
            }
        }
        let rows = try await connect(server).execute("SELECT 1")
        #expect(throws: PostgresError.self) { try rows[0].int4(0) }
        #expect(throws: PostgresError.self) { try rows[1].int4(0) }
        #expect(throws: PostgresError.self) { try rows[2].int4(0) }
        #expect(throws: PostgresError.self) { try rows[-1].text(0) }
        #expect(throws: PostgresError.self) { try rows[0].bytes(0) }
        #expect(throws: PostgresError.self) { try rows[1].bool(1) }
        #expect(throws: PostgresError.self) { try rows[1].isNull(-1) }
        #expect(try rows[0].isNull(0) && rows[1].int2(0) == 0x0102 && rows[0].byteCount(0) == 0)
    }

    /// A session that can't be settled is none.
    @Test(arguments: [
        FakeReply.answer([], []), FakeReply.answer(["a", "b", "c"], []),
        FakeReply.answer(["a", "b", "c"], [[nil, nil, nil]]),
        FakeReply.answer(["a", "b", "c"], [[[1], [2], [3]]]), FakeReply.message("1", []), FakeReply.error("42883"),
    ]) func whatSettlesNothingIsNoSession(answer: [UInt8]) async throws {
        let server = try FakePostgres { client in
            guard client.startup(), client.send(FakeReply.welcome), client.nextRequest() != nil else { return }
            client.send(answer + FakeReply.ready)
            _ = client.nextRequest()
        }
        await #expect(throws: PostgresError.self) { try await connect(server) }
    }

    // MARK: at random

    /// Answers that are right, nearly right and wrong, from a grammar.
    @Test func nothingThatIsSentEndsTheProgram() async throws {
        let seconds = getenv("HOSTILE_SECONDS").flatMap { Double(String(cString: $0)) } ?? 0
        let end = ContinuousClock.now + .seconds(seconds)
        var seed: UInt64 = 1
        while seed <= 150 || ContinuousClock.now < end {
            let first = seed
            let server = try FakePostgres { client in
                var random = SeededGenerator(seed: first)
                guard client.welcome() else { return }
                while let request = client.nextRequest() {
                    guard client.send(HostileReply.to(request, using: &random)) else { return }
                }
            }
            await talk(to: server, seed: seed)
            seed += 1
        }
    }

    private func talk(to server: FakePostgres, seed: UInt64) async {
        var random = SeededGenerator(seed: seed)
        guard let connection = try? await connect(server) else { return }
        for round in 0..<4 {
            let statements = (0...round).map {
                Statement("SELECT \($0)", name: $0 % 2 == 0 ? "s\($0)" : nil, [.int4(1)])
            }
            guard let answers = try? await connection.run(statements, timeout: .milliseconds(300)) else { break }
            for rows in answers { read(rows, using: &random) }
        }
        await connection.close()
    }

    private func read(_ rows: Rows, using random: inout SeededGenerator) {
        for _ in 0..<8 {
            let row = rows[Int.random(in: -1...3, using: &random)]
            let column = Int.random(in: -1...4, using: &random)
            _ = try? row.int2(column)
            _ = try? row.int4(column)
            _ = try? row.int8(column)
            _ = try? row.bool(column)
            _ = try? row.double(column)
            _ = try? row.timestampMilliseconds(column)
            _ = try? row.text(column)
            _ = try? row.optionalText(column)
            _ = try? row.byteCount(column)
        }
    }
}

/// A grammar of answers, of which some are those of a server.
enum HostileReply {
    static func to(_ request: [Character], using random: inout SeededGenerator) -> [UInt8] {
        var bytes: [UInt8] = []
        for type in request {
            switch type {
            case "P": bytes += often(FakeReply.message("1", []), using: &random)
            case "B": bytes += often(FakeReply.message("2", []), using: &random)
            case "D": bytes += often(columns(using: &random), using: &random)
            case "E": bytes += rows(using: &random) + often(end(using: &random), using: &random)
            default: bytes += often(FakeReply.ready, using: &random)
            }
        }
        return broken(bytes, using: &random)
    }

    /// Nearly always these bytes; else none, twice, or something else.
    private static func often(_ bytes: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        switch Int.random(in: 0..<40, using: &random) {
        case 0: []
        case 1: bytes + bytes
        case 2: anything(using: &random) + bytes
        case 3: anything(using: &random)
        default: bytes
        }
    }

    private static func columns(using random: inout SeededGenerator) -> [UInt8] {
        let count = Int.random(in: 0...4, using: &random)
        return Int.random(in: 0..<10, using: &random) == 0
            ? FakeReply.message("n", []) : FakeReply.columns((0..<count).map { "c\($0)" })
    }

    private static func rows(using random: inout SeededGenerator) -> [UInt8] {
        let width = Int.random(in: 0...4, using: &random)
        return (0..<Int.random(in: 0...3, using: &random)).flatMap { _ in
            FakeReply.row(
                (0..<width).map { _ in
                    let length = [0, 1, 2, 4, 8, 9].randomElement(using: &random) ?? 0
                    return Bool.random(using: &random)
                        ? nil : (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
                })
        }
    }

    private static func end(using random: inout SeededGenerator) -> [UInt8] {
        switch Int.random(in: 0..<8, using: &random) {
        case 0:
            FakeReply.error(["23505", "26000", "0A000", "57P01", "", "toolong"].randomElement(using: &random) ?? "")
        case 1: FakeReply.message("I", [])
        case 2: FakeReply.message("s", [])
        default:
            FakeReply.message(
                "C", FakeReply.text(["SELECT 1", "ROLLBACK", "INSERT 0 x", ""].randomElement(using: &random) ?? ""))
        }
    }

    private static func anything(using random: inout SeededGenerator) -> [UInt8] {
        let types = Array("123ACDEGHIKNRSTVWZcdfnstv")
        let body = (0..<Int.random(in: 0...40, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        return FakeReply.message(types.randomElement(using: &random) ?? "Z", body)
    }

    /// Now and then a byte is another one.
    private static func broken(_ bytes: [UInt8], using random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        guard !bytes.isEmpty, Int.random(in: 0..<3, using: &random) == 0 else { return bytes }
        let place = Int.random(in: bytes.indices, using: &random)
        bytes[place] = UInt8.random(in: 0...255, using: &random)
        return bytes
    }
}

import Dispatch
import Foundation
import Glibc
import Testing

@testable import Quarantine
@testable import Storing
@testable import Writer

@Suite("Lines of a file")
struct LineReaderTests {
    private func withFile<R>(_ bytes: [UInt8], _ body: (String) async throws -> R) async throws -> R {
        let path = NSTemporaryDirectory() + "/candlepost-\(UInt64.random(in: 0 ... .max))"
        try Data(bytes).write(to: URL(filePath: path))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try await body(path)
    }

    private func pieces(_ path: String) async throws -> [[UInt8]] {
        var reader = try LineReader(path: path)
        var pieces: [[UInt8]] = []
        while let piece = try await reader.next() { pieces.append(piece) }
        #expect(try await reader.next() == nil)
        return pieces
    }

    @Test(arguments: ["", "one\n", "one\ntwo", "one\n\ntwo\n", "\n"])
    func nothingIsLost(text: String) async throws {
        try await withFile(Array(text.utf8)) { path in
            let pieces = try await pieces(path)
            #expect(String(decoding: pieces.joined(), as: UTF8.self) == text)
        }
    }

    @Test func piecesEndAtLineEnds() async throws {
        let lines = (0..<40_000).map { "line \($0) \(String(repeating: "x", count: $0 % 50))\n" }
        try await withFile(Array(lines.joined().utf8)) { path in
            let pieces = try await pieces(path)
            #expect(pieces.count > 1)
            #expect(pieces.allSatisfy { $0.last == UInt8(ascii: "\n") })
            #expect(pieces.joined().elementsEqual(lines.joined().utf8))
        }
    }

    @Test func aLineMayBeLongerThanAPiece() async throws {
        let long = [UInt8](repeating: UInt8(ascii: "x"), count: 1_000_000)
        try await withFile(long + [10] + long) { path in
            let counts = try await pieces(path).map(\.count)
            #expect(counts == [1_000_001, 1_000_000])
        }
    }

    @Test func whatCannotBeReadIsAnError() {
        #expect(throws: LineReader.ReadError.self) { try LineReader(path: "/no/such/file") }
        #expect(throws: LineReader.ReadError.self) { try LineReader(path: NSTemporaryDirectory()) }
    }

    /// The end of a file leaves `errno` as some call before left it, and it is a thread's, not a file's.
    @Test func theEndOfAFileIsNoError() async throws {
        try await withFile(Array("one\n".utf8)) { path in
            for _ in 0..<20 {
                DispatchQueue.concurrentPerform(iterations: 16) { _ in
                    DispatchQueue.global().async { errno = EIO }
                }
                let count = try await pieces(path).count
                #expect(count == 1)
            }
        }
    }

    @Test func linesOfAPieceLeaveOutEmptyOnes() {
        #expect(Feed.lines(of: Array("ab\n\ncd\ne".utf8)) == [0..<2, 4..<6, 7..<8])
        #expect(Feed.lines(of: []) == [])
        #expect(Feed.lines(of: [10, 10]) == [])
    }

    /// Files of Windows have another line end.
    @Test func aCarriageReturnAloneIsAnEmptyLine() {
        #expect(Feed.lines(of: Array("{}\r\n\r\n{}\r\n".utf8)).count == 2)
    }

    /// `gzip` of "one\ntwo\n", and of "three".
    private static let members: [[UInt8]] = [
        [
            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 3, 0xCB, 0xCF, 0x4B, 0xE5, 0x2A, 0x29, 0xCF, 0xE7, 2, 0, 0xE6, 0x0B, 0xBA,
            0x12,
            8, 0, 0, 0,
        ],
        [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 2, 3, 0x2B, 0xC9, 0x28, 0x4A, 0x4D, 5, 0, 0, 0, 0, 0, 5, 0, 0, 0],
    ]

    @Test func gzipIsRead() async throws {
        try await withFile(Self.members[0]) { path in
            let all = try await pieces(path).joined()
            #expect(String(decoding: all, as: UTF8.self) == "one\ntwo\n")
            let total = try LineReader(path: path).total
            #expect(total == nil)
        }
        try await withFile(Self.members[0] + Self.members[0]) { path in
            let all = try await pieces(path).joined()
            #expect(String(decoding: all, as: UTF8.self) == "one\ntwo\none\ntwo\n")
        }
    }

    @Test(arguments: [Array(members[0].dropLast(6)), members[1], members[0] + [1, 2, 3], [0x1F, 0x8B, 8]])
    func aDamagedGzipFileIsAnError(bytes: [UInt8]) async throws {
        try await withFile(bytes) { path -> Void in
            await #expect(throws: LineReader.ReadError.self) { _ = try await pieces(path) }
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["/dev/zero", "/dev/null", "/tmp"])
    func whatIsNoPlainFileIsRefused(path: String) {
        #expect(throws: LineReader.ReadError.self) { _ = try LineReader(path: path) }
    }

    @Test(.timeLimit(.minutes(1))) func aPipeWithoutAWriterIsRefusedAtOnce() throws {
        let path = NSTemporaryDirectory() + "/candlepost-fifo-\(getpid())"
        mkfifo(path, 0o600)
        defer { unlink(path) }
        #expect(throws: LineReader.ReadError.self) { _ = try LineReader(path: path) }
    }

    @Test(.timeLimit(.minutes(2))) func aSparseFileIsNoFileOfMessages() async throws {
        try await withFile([1]) { path -> Void in
            #expect(truncate(path, 10 << 30) == 0)
            await #expect(throws: LineReader.ReadError.self) { _ = try await pieces(path) }
        }
    }
}

@Suite("What the first lines of a feed tell")
struct FeedForesightTests {
    private static let good = Messages.candle()

    private func look(_ lines: [String], after: Int = 0) throws -> FeedForesight {
        let bytes = Array(lines.joined(separator: "\n").utf8)
        var foresight = FeedForesight()
        try foresight.look(at: Feed.lines(of: bytes)[...], of: bytes, after: after)
        return foresight
    }

    @Test func goodLinesNeedNoWord() throws {
        let foresight = try look(Array(repeating: Self.good, count: 20))
        #expect(foresight.warning == nil && foresight.count == 20)
    }

    @Test(arguments: [["name,age", "x,1"], ["hello"], ["\u{1F}\u{FFFD}"], Array(repeating: #"{"a":1}"#, count: 10)])
    func whatIsNoFileOfRecordsIsRefused(lines: [String]) {
        #expect(throws: Feed.NotTaken.self) { try look(lines) }
    }

    @Test func howManyWillBeRefusedIsSaid() throws {
        let foresight = try look([Self.good, #"{"a":1}"#, Self.good, "x", Self.good])
        #expect(
            foresight.warning
                == "2 of the first 5 lines will be quarantined (1 missing_field, 1 not_json); the first is line 2: exchange: is "
                + "missing")
        let later = try look(["x"] + Array(repeating: Self.good, count: 9), after: 1000)
        #expect(later.warning?.contains("line 1001") == true)
    }
}

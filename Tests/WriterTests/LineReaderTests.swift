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

    @Test func whatCannotBeReadIsAnError() async throws {
        #expect(throws: LineReader.ReadError.self) { try LineReader(path: "/no/such/file") }
        let folder = try LineReader(path: NSTemporaryDirectory())
        await #expect(throws: LineReader.ReadError.self) {
            var folder = folder
            _ = try await folder.next()
        }
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
}

import FoundationEssentials

/// A file that is there for the time of a test.
enum TemporaryFile {
    /// Calls `body` with the path of a file that has this content and this ending.
    static func with<R>(_ text: String, _ ending: String, _ body: (String) async throws -> R) async throws -> R {
        let name = "candlepost-test-\(UInt64.random(in: 0 ... .max))\(ending)"
        let url = FileManager.default.temporaryDirectory.appending(path: name)
        try Data(text.utf8).write(to: url)
        defer { try? FileManager.default.removeItem(at: url) }
        return try await body(url.path)
    }
}

import Foundation

/// A TLS server on 127.0.0.1 that shows a certificate, and speaks neither of our protocols: `openssl s_server`.
public enum TLSServer {
    /// Calls `body` with the port of one.
    /// - Parameter certificate: by its name in ``TestCertificates``.
    public static func with<R>(
        certificate: String, _ body: (UInt16) async throws -> R
    ) async throws -> R {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        // Should the test be killed, it ends by itself. With -www it does not end with its input.
        process.arguments = [
            "timeout", "120", "openssl", "s_server", "-www", "-accept", "127.0.0.1:0",
            "-cert", try TestCertificates.certificate(certificate), "-key", try TestCertificates.key(certificate),
        ]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        defer { process.terminate() }
        // Not on a thread of the pool, which has few: nobody else could go on while this one waits.
        let port = try await withCheckedThrowingContinuation { continuation in
            let output = output.fileHandleForReading
            DispatchQueue.global().async { continuation.resume(with: Result { try Self.port(from: output) }) }
        }
        return try await body(port)
    }

    /// It says `ACCEPT 127.0.0.1:40123` when it listens.
    private static func port(from output: FileHandle) throws -> UInt16 {
        var text = ""
        while !text.contains("ACCEPT 127.0.0.1:") || text.last != "\n" {
            let part = output.availableData
            guard !part.isEmpty else { throw Failure(said: text) }
            text += String(decoding: part, as: UTF8.self)
        }
        return UInt16(text[text.firstRange(of: "ACCEPT 127.0.0.1:")!.upperBound...].prefix { $0.isNumber }) ?? 0
    }

    private struct Failure: Error {
        let said: String
    }
}

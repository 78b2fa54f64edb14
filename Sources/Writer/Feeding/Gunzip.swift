private import CZlib
import Synchronization

/// Decompresses a gzip stream, of one member or several, piece by piece.
final class Gunzip: Sendable {
    /// zlib's stream, where it stays: zlib keeps its address.
    private struct Handle: ~Copyable {
        let stream: UnsafeMutablePointer<z_stream>
        /// Whether a member has been begun and not ended.
        var isInside = false

        deinit {
            inflateEnd(stream)
            stream.deinitialize(count: 1)
            stream.deallocate()
        }
    }

    private let handle: Mutex<Handle>

    /// The first two bytes of every such stream.
    static let magic: [UInt8] = [0x1F, 0x8B]

    /// - Throws: ``LineReader/ReadError`` when there is no memory.
    init() throws(LineReader.ReadError) {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 15 bits of window, the largest; 16 more: with the head and the sum of gzip.
        let status = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        handle = Mutex(Handle(stream: stream))
        guard status == Z_OK else { throw LineReader.ReadError(description: "zlib can't be used: \(status)") }
    }

    /// What a piece of the stream holds; nothing if more of it has to come first.
    /// - Throws: ``LineReader/ReadError`` when it is damaged.
    func expand(_ input: [UInt8]) throws(LineReader.ReadError) -> [UInt8] {
        let (output, status) = handle.withLock { Self.expand(input, &$0) }
        guard status == Z_OK || status == Z_BUF_ERROR || status == Z_STREAM_END else {
            throw LineReader.ReadError(description: "this is no gzip file, or it is damaged (zlib: \(status))")
        }
        return output
    }

    /// The stream has ended: it must not end within a member.
    /// - Throws: ``LineReader/ReadError``.
    func finish() throws(LineReader.ReadError) {
        guard handle.withLock({ !$0.isInside }) else {
            throw LineReader.ReadError(description: "the gzip file ends in the middle: was it copied whole?")
        }
    }

    private static func expand(_ input: [UInt8], _ handle: inout Handle) -> ([UInt8], Int32) {
        var input = input
        var output: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        var status = Z_OK
        input.withUnsafeMutableBufferPointer { source in
            handle.stream.pointee.next_in = source.baseAddress
            handle.stream.pointee.avail_in = UInt32(source.count)
            repeat {
                if !handle.isInside {
                    guard handle.stream.pointee.avail_in > 0 else { break }
                    inflateReset(handle.stream)
                    handle.isInside = true
                }
                status = fill(&buffer, from: handle.stream, appendingTo: &output)
                if status == Z_STREAM_END { handle.isInside = false }
            } while status == Z_OK || status == Z_STREAM_END
        }
        return (output, status)
    }

    private static func fill(
        _ buffer: inout [UInt8], from stream: UnsafeMutablePointer<z_stream>, appendingTo output: inout [UInt8]
    ) -> Int32 {
        buffer.withUnsafeMutableBufferPointer { target in
            stream.pointee.next_out = target.baseAddress
            stream.pointee.avail_out = UInt32(target.count)
            let status = inflate(stream, Z_NO_FLUSH)
            output.append(contentsOf: target[..<(target.count - Int(stream.pointee.avail_out))])
            return status
        }
    }
}

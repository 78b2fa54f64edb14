import Glibc
import Testing

@testable import AMQP

@Suite struct SendQueueTests {
    /// Two ends of a connection inside this process.
    private final class Pair {
        let near: Int32
        let far: Int32

        init() {
            var ends: [Int32] = [-1, -1]
            precondition(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
            (near, far) = (ends[0], ends[1])
        }

        deinit {
            close(near)
            close(far)
        }

        var transport: Transport { Transport(descriptor: near, session: nil) }

        func read(atMost count: Int) -> [UInt8] {
            var buffer = [UInt8](repeating: 0, count: count)
            let taken = recv(far, &buffer, count, Int32(MSG_DONTWAIT))
            return Array(buffer.prefix(max(taken, 0)))
        }
    }

    @Test func moreThanTheSocketTakesStaysQueuedInOrder() {
        let pair = Pair()
        var queue = SendQueue()
        let first = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 / 1000) }
        queue.add(first)
        #expect(queue.send(by: pair.transport).failure == nil)
        #expect(queue.unsent > 0 && queue.unsent < first.count)
        queue.add([1, 2, 3])
        queue.add { $0.putHeartbeat() }

        var received: [UInt8] = []
        while queue.unsent > 0 {
            received += pair.read(atMost: 100_000)
            queue.add([])
            _ = queue.send(by: pair.transport)
        }
        while received.count < first.count + 11 { received += pair.read(atMost: 100_000) }
        #expect(received == first + [1, 2, 3, 8, 0, 0, 0, 0, 0, 0, 0xCE])
    }

    @Test func aBrokenConnectionIsReported() {
        var ends: [Int32] = [-1, -1]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        close(ends[1])
        var queue = SendQueue()
        queue.add([1])
        #expect(queue.send(by: Transport(descriptor: ends[0], session: nil)).failure == "Broken pipe")
        close(ends[0])
    }
}

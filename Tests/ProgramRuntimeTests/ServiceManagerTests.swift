import Glibc
import ServiceLifecycle
import ServiceLifecycleTestKit
import Testing

@testable import ProgramRuntime

@Suite struct ServiceManagerTests {
    private let readiness = Readiness()

    private func next(_ notice: inout ServiceNotice) -> [String] {
        notice.next(readiness.snapshot, reasons: readiness.snapshot.reasons)
    }

    @Test func isReadyOnceAndForAll() {
        var notice = ServiceNotice()
        readiness.declare(.postgres)
        #expect(next(&notice) == ["STATUS=postgres: starting", "WATCHDOG=1"])
        readiness.set(.postgres, .ready)
        #expect(next(&notice) == ["READY=1", "STATUS=ready", "WATCHDOG=1"])
        #expect(next(&notice) == ["WATCHDOG=1"])
        readiness.set(.postgres, .notReady("gone"))
        #expect(next(&notice) == ["STATUS=postgres: gone", "WATCHDOG=1"])
        readiness.set(.postgres, .ready)
        #expect(next(&notice) == ["STATUS=ready", "WATCHDOG=1"])
        readiness.startDraining()
        #expect(next(&notice) == ["STOPPING=1", "WATCHDOG=1"])
    }

    @Test func theWatchdogStarvesOnlyWhereARestartHelps() {
        var notice = ServiceNotice()
        readiness.declare(.postgres, .progress)
        readiness.set(.postgres, .ready)
        readiness.set(.progress, .notReady("none was published for 61 s"))
        #expect(!next(&notice).contains("WATCHDOG=1"))
        readiness.set(.postgres, .notReady("connection refused"))
        #expect(next(&notice).contains("WATCHDOG=1"))
        readiness.set(.postgres, .ready)
        #expect(!next(&notice).contains("WATCHDOG=1"))
        readiness.startDraining()
        #expect(next(&notice).contains("WATCHDOG=1"))
    }

    @Test(arguments: [false, true]) func speaksByDatagrams(isAbstract: Bool) async throws {
        let path = "\(isAbstract ? "@" : "/tmp/")candlepost-notify-\(UInt64.random(in: 0 ... .max))"
        let file = try Self.listen(path)
        defer {
            close(file)
            unlink(path)
        }
        let manager = try #require(ServiceManager(path: path, readiness: readiness))
        await testGracefulShutdown { trigger in
            async let end: Void = manager.run()
            #expect(await Self.receive(file) == "READY=1\nSTATUS=ready\nWATCHDOG=1")
            readiness.startDraining()
            trigger.triggerGracefulShutdown()
            #expect(await Self.receive(file) == "STOPPING=1\nSTATUS=draining\nWATCHDOG=1")
            await end
        }
    }

    @Test(arguments: [nil, "", "relative", "/" + String(repeating: "x", count: 107)])
    func nobodyListens(path: String?) { #expect(ServiceManager(path: path, readiness: readiness) == nil) }

    /// A manager that is gone holds nothing up.
    @Test func anAbsentListenerIsNoFailure() async throws {
        let manager = try #require(ServiceManager(path: "/nowhere/notify", readiness: readiness))
        await testGracefulShutdown { trigger in
            async let end: Void = manager.run()
            trigger.triggerGracefulShutdown()
            await end
        }
    }

    private static func listen(_ path: String) throws -> Int32 {
        let file = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
        if path.hasPrefix("@") { address.sun_path.0 = 0 }
        let length = socklen_t(2 + path.utf8.count)
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(file, $0, length) }
        }
        try #require(status == 0)
        return file
    }

    /// The next datagram; nil after three seconds without one.
    private static func receive(_ file: Int32) async -> String? {
        for _ in 0..<300 {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(file, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 { return String(decoding: buffer[..<count], as: UTF8.self) }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return nil
    }
}

import FoundationEssentials
import Testing

private enum Examples {
    static let folder = String(#filePath.prefix(upTo: #filePath.firstRange(of: "/Tests/")!.lowerBound)) + "/examples"
    static let areThere = FileManager.default.fileExists(atPath: folder + "/candles.ndjson.gz")
}

/// The candles of `examples/`, as a newcomer feeds them.
@Suite("The example files", .enabled(if: Examples.areThere)) struct ExampleFileTests {
    @Test func goThroughFromTheFirstLineToTheLast() async throws {
        try await World.with(markets: 0) { world in
            try await world.run("writer", "markets", "import", Examples.folder + "/markets.json")
            let unpacked = try await Program(path: "/usr/bin/gunzip", ["-c", Examples.folder + "/candles.ndjson.gz"])
            #expect(try await unpacked.ended() == .status(0))
            let lines = unpacked.output.split(separator: "\n").count
            #expect(lines > 1000)
            let (writer, relay) = (try await world.writer(), try await world.relay())
            world.gateway.start()
            try await TemporaryFile.with(unpacked.output, ".ndjson") { file in
                _ = try await world.run("writer", "feed", file)
            }
            try await eventually("all are announced") { world.gateway.distinctCount == lines }
            for program in [relay, writer] { try await world.stop(program) }
            #expect(world.gateway.deliveries.count == lines)
            #expect(try await world.number("SELECT count(*) FROM candle_sticks") == lines)
            #expect(try await world.number("SELECT count(*) FROM candles") == lines)
            #expect(try await world.run("relay", "verify").contains("All promises hold."))
        }
    }
}

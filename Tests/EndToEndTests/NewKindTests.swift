import FoundationEssentials
import Records
import Testing

/// A kind that the programs do not bring along, from a file to a chart, as docs/new-kind.md tells it.
@Suite("A kind from a file") struct NewKindTests {
    private static let start: Int64 = 1_702_305_540_000

    /// The file of `examples/`, as the programs get it.
    private static let path =
        String(#filePath.prefix(upTo: #filePath.firstRange(of: "/Tests/")!.lowerBound)) + "/examples/funding-rate.json"
    private static var text: String {
        get throws { String(decoding: try #require(FileManager.default.contents(atPath: path)), as: UTF8.self) }
    }

    private func rate(_ market: Int32, _ kind: RecordKind, more: String = "") -> Message {
        Message(
            kind, market: market, start: Self.start,
            fields: #""fundingRate":"0.000\#(market)","markPrice":42000.5,"indexPrice":null\#(more)"#)
    }

    /// While a writer and a relay run: applied, taken up, stored, announced, verified, seen in the console; and then a column more.
    @Test func aRunningPairTakesItUp() async throws {
        let kind = try KindFile.parse(Array(Self.text.utf8))
        try await World.with(markets: 20) { world in
            let (writer, relay) = (try await world.writer(), try await world.relay())
            let console = try await world.console()
            world.gateway.start()
            var candles = Candles()
            try await world.collector.publish(candles.next(20))

            let shown = try await world.start(.writer, ["kinds", "apply", Self.path])
            #expect(try await shown.ended() == .status(0))
            #expect(shown.output.contains("CREATE TABLE funding_rates (") && shown.log.contains("repeat with --yes"))
            #expect(try await world.number("SELECT count(*) FROM record_kinds") == 0)
            try await world.run("writer", "kinds", "apply", Self.path, "--yes")
            try await eventually("its queue is there") { try await world.host.count(kind.queue) != nil }

            try await world.collector.publish((1...20).map { rate($0, kind) })
            try await eventually("all are announced") { world.gateway.distinctCount == 40 }
            let stored =
                "SELECT count(*) FROM funding_rates WHERE funding_rate = ('0.000' || market_id)::numeric AND index_price IS NULL"
            #expect(try await world.number(stored) == 20)
            let announced = Set(world.gateway.deliveries.map(\.body))
            for market in 1...20 { #expect(announced.contains(rate(Int32(market), kind).announced)) }
            try await eventually("the writer has counted them") {
                await writer.metric(#"candlepost_writer_records_stored_total{kind="FundingRate"}"#) == 20
            }
            // Those that came before the relay knew the kind count as another's.
            try await eventually("the broker has confirmed them") {
                let published = "candlepost_relay_rows_published_total"
                let (known, other) = (
                    await relay.metric(published, #"kind="FundingRate""#),
                    await relay.metric(published, #"kind="other""#)
                )
                return (known ?? 0) + (other ?? 0) == 20
            }

            try await extend(world, kind)
            let list = try await world.run("writer", "kinds", "list", "--json")
            #expect(
                list.contains(#""name":"FundingRate","queue":"database-writer.funding-rate","table":"funding_rates""#))
            let verified = try await world.run("relay", "verify")
            #expect(verified.contains("funding_rates without an outbox row"))
            try await world.run("relay", "audit", "--kind", "FundingRate")
            try await world.run("writer", "gaps", "--kind", "FundingRate")
            try await world.run("writer", "check")
            #expect(await console.get("/kinds")?.body.contains("FundingRate") == true)
            #expect(await console.get("/markets/1")?.body.contains("/markets/1/records?kind=FundingRate") == true)
            let page = try #require(await console.get("/markets/1/records?kind=FundingRate"))
            #expect(page.status == 200 && page.body.contains("0.0001") && page.body.contains("class=\"plot\""))

            // What belongs to a kind alone still does: a replica, another content, a message that can't be one.
            try await world.collector.publish([
                rate(1, kind), Message(kind, market: 1, start: Self.start, fields: #""fundingRate":1,"markPrice":1"#),
                Message(poison: Array(#"{"exchange":"e","symbol":"s","payload":{"fundingRate":"x"}}"#.utf8), to: kind),
            ])
            try await eventually("they are in the books") {
                try await world.number("SELECT count(*) FROM quarantine WHERE queue = '\(kind.queue)'") == 1
            }
            #expect(
                try await world.number("SELECT count(*) FROM conflicting_duplicates WHERE record_type = 'FundingRate'")
                    == 1)
            for program in [writer, relay] { try await world.stop(program) }
            try await world.run("relay", "verify")
            for program in [writer, relay] {
                #expect(!program.log.contains(#""level":"error""#), "\(program.logEnd())")
            }

            // One that starts later knows it from the database, also by a setting.
            let second = try await world.writer([
                "WRITER_KINDS": "FundingRate", "RECORD_REVISIONS": "FundingRate=latest",
            ])
            try await world.collector.publish([rate(3, kind, more: #","source":"later""#)])
            try await eventually("a later version is taken") {
                try await world.number("SELECT count(*) FROM funding_rates WHERE source = 'later'") == 1
            }
            try await world.stop(second)
            try await world.host.delete(kind.queue)
        }
    }

    /// A collector's new field becomes a column by one line in the file.
    private func extend(_ world: World, _ kind: RecordKind) async throws {
        let line = #"{"name": "isEstimated", "type": "boolean", "required": false},"#
        let wider = try Self.text.replacing(#""fields": ["#, with: #""fields": ["# + line)
        try await TemporaryFile.with(wider, ".json") { path in
            let applied = try await world.run("writer", "kinds", "apply", path, "--yes")
            #expect(applied.contains("FundingRate gets is_estimated in funding_rates"))
        }
        // The first may come before the writer knows the column: they are stored without.
        var sent: Int64 = 0
        try await eventually("the column is filled") {
            sent += 1
            let fields = #""fundingRate":1,"markPrice":1,"isEstimated":true"#
            try await world.collector.publish([
                Message(kind, market: 2, start: Self.start + sent * 60_000, fields: fields)
            ])
            return try await world.number("SELECT count(*) FROM funding_rates WHERE is_estimated") > 0
        }
        try await eventually("all are announced") { world.gateway.distinctCount == 40 + Int(sent) }
        let narrower = try await world.start(.writer, ["kinds", "check", Self.path])
        #expect(try await narrower.ended() == .status(1))
        #expect(narrower.log.contains("field isEstimated is not in the file"))
    }

    /// Writers that are busy end their sessions in good order: nothing is lost or stored twice. What the broker has on its way to one
    /// when it is told to send no more may come back, once.
    @Test func busyWritersLoseNothing() async throws {
        let kind = try KindFile.parse(Array(Self.text.utf8))
        try await World.with { world in
            for kind in RecordKind.builtIn { try await world.host.declareQuorum(kind.queue) }
            await world.collector.expectQueues()
            let settings = ["QUEUE_TYPE": "quorum", "WRITER_DELIVERY_LIMIT": "ignore"]
            let writers = [try await world.writer(settings), try await world.writer(settings)]
            let relay = try await world.relay()
            world.gateway.start()
            var candles = Candles()
            let messages = candles.next(3000)
            async let sending: Void = world.collector.publish(messages, rate: 600)
            try await eventually("they flow") { world.gateway.distinctCount > 100 }
            try await world.run("writer", "kinds", "apply", Self.path, "--yes")
            let condition = "\"queue \(kind.queue)\""
            try await eventually("both consume its queue") {
                for writer in writers where await writer.metric("candlepost_ready", condition) != 1 { return false }
                return true
            }
            #expect(world.gateway.distinctCount < 3000, "it was taken up before the last message came")
            try await sending
            for writer in writers {
                let highest = await writer.metric("candlepost_writer_delivery_count_highest")
                #expect((highest ?? 0) <= 1, "\(writer.logEnd())")
            }
            try await world.check([relay] + writers) {
                $0.minimum = 3000
                $0.isInOrderOfArrival = false
            }
            #expect(try await world.number("SELECT sum(duplicate) FROM ingest_batches") == 0)
            for queue in RecordKind.builtIn.map(\.queue) + [kind.queue] { try await world.host.delete(queue) }
        }
    }

    @Test func aBadFileIsRefusedWithItsLine() async throws {
        try await World.with(markets: 1) { world in
            let text =
                "{\n  \"name\": \"Bad\",\n  \"queue\": \"amq.bad\",\n  \"table\": \"bads\", \"fields\": [{\"name\": \"bad\", \"type\": \"text\"}]}\n"
            try await TemporaryFile.with(text, ".json") { path in
                for words in [["check", path], ["apply", path, "--yes"]] {
                    let program = try await world.start(.writer, ["kinds"] + words)
                    #expect(try await program.ended() == .status(1))
                    #expect(program.log.hasPrefix("writer: \(path):3: queue: expected a name"), "\(program.log)")
                }
            }
        }
    }
}

import Testing

@Suite("A writer that is killed") struct WriterCrashTests {
    /// The failpoint, and whether a batch was committed and comes again as duplicates; nil: it may or may not. When a batch is
    /// received the one before may be committed and not acknowledged yet.
    @Test(arguments: [
        ("writer.received", nil), ("writer.before_commit", false), ("writer.after_commit", true),
        ("writer.after_ack", nil),
    ])
    func losesNothing(failpoint: String, repeatsWhatIsStored: Bool?) async throws {
        try await World.with { world in
            var candles = Candles()
            let settings = ["WRITER_BATCH_SIZE": "50", "WRITER_PREFETCH": "100"]
            let relay = try await world.relay()
            let killed = try await world.writer(settings.merging(["CANDLEPOST_FAILPOINT": "\(failpoint)@5"]) { $1 })
            world.gateway.start()
            let messages = candles.next(1500)
            async let load: Void = world.collector.publish(messages, rate: 2000)
            let exit = try await killed.ended()
            let writer = try await world.writer(settings)
            try await load
            try await world.check([relay, writer]) {
                $0.minimum = 1500
                $0.evidence = [(failpoint, exit == .signal(9))]
            }
            let duplicates = try await world.number("SELECT sum(duplicate) FROM ingest_batches")
            if let repeatsWhatIsStored { #expect((duplicates > 0) == repeatsWhatIsStored) }
        }
    }
}

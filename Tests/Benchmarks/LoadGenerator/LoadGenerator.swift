import ArgumentParser

/// Makes messages of collectors for load and acceptance tests, and knows what must become of each.
@main struct LoadGenerator: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Seeded messages of collectors, good and bad, and what must become of them.",
        discussion: "The broker is that of AMQP_URL. The same options give the same messages in the same order.",
        subcommands: [PublishCommand.self, ExpectCommand.self, CollectCommand.self, SeedsCommand.self],
        defaultSubcommand: PublishCommand.self)
}

struct PublishCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "publish", abstract: "Publishes into the collectors' queues, and prints what it sent as JSON.")

    @OptionGroup var options: LoadOptions
    @Option(help: "Messages a second (default: as fast as the broker confirms).") var rate: Double?
    @Flag(help: "Makes the messages and publishes none.") var dryRun = false

    func validate() throws {
        if let rate, rate < 1 { throw ValidationError("--rate is at least 1") }
    }

    func run() async throws {
        var run = LoadRun(LoadPlan(options), rate: rate, broker: dryRun ? nil : try Broker.configuration())
        try await run.run()
        print(run.report.json)
    }
}

struct ExpectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "expect",
        abstract: "Prints what must become of each message, for COPY FROM.",
        discussion: """
            Columns: fate, reason, kind, market_id, interval_start and interval_end in ms, body. The body is the message
            that must leave where it is stored, and the message that came where it is not.
            """)

    @OptionGroup var options: LoadOptions

    func run() {
        var plan = LoadPlan(options)
        var output = StandardOutput()
        while let message = plan.next() {
            output.write(message.expectation)
        }
        output.flush()
    }
}

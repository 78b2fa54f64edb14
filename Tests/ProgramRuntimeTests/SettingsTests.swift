import Glibc
import Logging
import ProgramRuntime
import Testing

private enum Kind: String, CaseIterable {
    case candle
    case ticker
}

private let batchSize = Setting.integer(
    "WRITER_BATCH_SIZE", flag: "--batch-size", default: 500, in: 1...10_000, unit: "rows", help: "rows in one batch")
private let retention = Setting.duration(
    "OUTBOX_RETENTION", flag: "--retention", default: .seconds(86_400), in: .seconds(3600)...(.seconds(864_000)),
    help: "how long rows are kept")
private let kinds = Setting<[Kind]>.list("WRITER_KINDS", flag: "--kinds", default: Kind.allCases, help: "what to take")

@Suite struct SettingsTests {
    @Test func aFlagWinsOverTheEnvironmentAndThatOverTheDefault() throws {
        let environment = ["WRITER_BATCH_SIZE": "7"]
        let both = SettingsReader(flags: ["WRITER_BATCH_SIZE": "9"], environment: environment)
        #expect(try both.read(batchSize) == 9)
        #expect(try both.read(retention) == .seconds(86_400))
        #expect(try SettingsReader(environment: environment).read(batchSize) == 7)
        #expect(try SettingsReader(environment: [:]).read(batchSize) == 500)
    }

    @Test func anEmptyVariableCountsAsNotSet() throws {
        let settings = SettingsReader(environment: ["WRITER_BATCH_SIZE": ""])
        #expect(try settings.read(batchSize) == 500)
        #expect(try settings.readIfSet(batchSize) == nil)
    }

    @Test(arguments: ["0", "10001", "many", "1.0", " 5", "99999999999999999999"])
    func aBadNumberIsNamedWithWhatItMayBe(text: String) {
        let error = #expect(throws: SettingError.self) {
            try SettingsReader(environment: ["WRITER_BATCH_SIZE": text]).read(batchSize)
        }
        #expect(error?.description == "WRITER_BATCH_SIZE is \"\(text)\", but may be: 1 to 10000 rows")
        #expect(error?.exitStatus == .configuration)
    }

    @Test func aBadFlagIsNamedToo() {
        let error = #expect(throws: SettingError.self) {
            try SettingsReader(flags: ["OUTBOX_RETENTION": "3"], environment: ["OUTBOX_RETENTION": "3d"])
                .read(retention)
        }
        #expect(
            error?.description
                == "OUTBOX_RETENTION (given as --retention) is \"3\", but may be: a duration with its unit, 1h to 10d")
    }

    @Test func millisecondsMayHaveAUnitOrNot() throws {
        let poll = Setting.milliseconds(
            "RELAY_POLL_MS", flag: "--poll-ms", default: .seconds(1), in: .milliseconds(10)...(.seconds(60)), help: "")
        for (text, value) in [("250", 250), ("250ms", 250), ("1s", 1000), ("1m", 60_000)] {
            #expect(try SettingsReader(environment: ["RELAY_POLL_MS": text]).read(poll) == .milliseconds(value))
        }
        for text in ["", "9", "-20", "1e3", "60001", "2m", "٣٣"] where !text.isEmpty {
            let error = #expect(throws: SettingError.self) {
                try SettingsReader(environment: ["RELAY_POLL_MS": text]).read(poll)
            }
            #expect(
                error?.description
                    == "RELAY_POLL_MS is \"\(text)\", but may be: a duration with its unit, 10ms to 1m, or a number of "
                    + "milliseconds")
        }
        #expect(SettingsTable.text(for: [poll]).contains("default: 1000ms"))
    }

    @Test func everyWrongSettingOfTheTableIsAProblem() {
        let settings = SettingsReader(
            flags: ["WRITER_BATCH_SIZE": "0"], environment: ["OUTBOX_RETENTION": "20", "WRITER_KINDS": "ticker"],
            table: [batchSize, retention, kinds])
        #expect(settings.problems.map(\.setting) == ["WRITER_BATCH_SIZE", "OUTBOX_RETENTION"])
    }

    @Test func aVariableThatIsNearlyASettingIsSaid() {
        let environment = [
            "WRITER_BATCH_SISE": "7", "WRITER_BATCH_SIZE": "7", "WRITER_NONSENSE": "1", "DATABASE_URL_FIEL": "x",
            "RELAY_POLL_MS": "5", "AMQPS_URL": "x", "LOG_FILE": "x", "PATH": "x", "LOG_LEVL": "x",
            "WRITER_SERVICE_HOST": "10.0.0.1", "WRITER_PORT": "tcp://10.0.0.1:9464", "WRITER_KINDZ": "",
            "WRITER_PORT_9464_TCP_ADDR": "10.0.0.1", "DATABASE_URL_FILE": "x",
        ]
        let settings = SettingsReader(
            environment: environment, table: [batchSize, kinds, CommonSettings.databaseURL, CommonSettings.logLevel])
        #expect(
            settings.unknownVariables(prefix: "WRITER_") == [
                "DATABASE_URL_FIEL is set, but is no setting and has no effect. Did you mean DATABASE_URL_FILE?",
                "LOG_LEVL is set, but is no setting and has no effect. Did you mean LOG_LEVEL?",
                "WRITER_BATCH_SISE is set, but is no setting and has no effect. Did you mean WRITER_BATCH_SIZE?",
                "WRITER_NONSENSE is set, but is no setting and has no effect",
            ])
    }

    @Test func aHostileValueStaysOnOneShortLine() throws {
        let text = "a\nb\u{1B}[31m" + String(repeating: "x", count: 5000)
        let error = try #require(throws: SettingError.self) {
            try SettingsReader(environment: ["WRITER_BATCH_SIZE": text]).read(batchSize)
        }
        #expect(error.description.utf8.count < 300)
        #expect(error.description.contains("a\\u{a}b\\u{1b}[31m"))
        #expect(!error.description.contains("\n"))
    }

    @Test func listsHaveElementsOfTheirKindOnce() throws {
        #expect(try SettingsReader(environment: ["WRITER_KINDS": "ticker, candle"]).read(kinds) == [.ticker, .candle])
        #expect(try SettingsReader(environment: [:]).read(kinds) == Kind.allCases)
        for bad in ["ticker,,candle", "ticker,ticker", "tickers", ","] {
            #expect(throws: SettingError.self) {
                try SettingsReader(environment: ["WRITER_KINDS": bad]).read(kinds)
            }
        }
    }

    @Test func theTableFitsAndTellsEverything() {
        let settings: [AnySetting] = [
            batchSize, retention, kinds, CommonSettings.databaseURL, CommonSettings.brokerURL, CommonSettings.logFormat,
            CommonSettings.logLevel, CommonSettings.shutdownTimeout,
        ]
        let lines = SettingsTable.text(for: settings).split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= 100 && $0.last != " " })
        #expect(lines.contains { $0.hasPrefix("WRITER_BATCH_SIZE") && $0.contains("--batch-size") })
        #expect(lines.contains { $0.contains("DATABASE_URL_FILE") })
        #expect(lines.contains { $0.hasPrefix("    ") && $0.contains("default: ") && $0.contains("may be: ") })
    }
}

@Suite struct SecretTests {
    private let secret = "amqp://user:hunter2@host"

    @Test func aSecretIsNeverEchoed() {
        let pin = Setting<String>.secret("PIN", default: nil, defaultText: nil, allowed: "a text", help: "")
        #expect(throws: SettingError.self) { try SettingsReader(environment: [:]).read(pin) }
        let error = #expect(throws: SettingError.self) {
            try SettingsReader(environment: ["AMQP_URL": secret, "AMQP_URL_FILE": "/etc/hostname"])
                .read(CommonSettings.brokerURL)
        }
        #expect(error?.description == "AMQP_URL and AMQP_URL_FILE are both set, but only one may be")
    }

    @Test(arguments: ["", "\n", "\r\n"]) func aFileHoldsTheSameWithoutItsLineEnd(end: String) throws {
        let path = try temporaryFile(secret + end)
        defer { unlink(path) }
        let settings = SettingsReader(environment: ["AMQP_URL_FILE": path])
        #expect(try settings.read(CommonSettings.brokerURL) == secret)
    }

    @Test func aFileThatCannotBeReadIsNamed() {
        let error = #expect(throws: SettingError.self) {
            try SettingsReader(environment: ["DATABASE_URL_FILE": "/nowhere/at/all"]).read(CommonSettings.databaseURL)
        }
        #expect(
            error?.description == "DATABASE_URL_FILE is \"/nowhere/at/all\", which cannot be read "
                + "(no such file or directory), but may be: a readable file")
    }

    @Test func anEmptyFileAndAHugeOneAreRefused() throws {
        for text in ["\n", String(repeating: "x", count: 65_537)] {
            let path = try temporaryFile(text)
            defer { unlink(path) }
            #expect(throws: SettingError.self) {
                try SettingsReader(environment: ["DATABASE_URL_FILE": path]).read(CommonSettings.databaseURL)
            }
        }
    }

    @Test(.timeLimit(.minutes(1))) func whatIsNoPlainFileIsRefusedAtOnce() throws {
        let folder = "/tmp/settings-test-\(getpid())"
        mkdir(folder, 0o700)
        mkfifo("\(folder)/fifo", 0o600)
        symlink("/dev/zero", "\(folder)/link")
        defer { for name in ["fifo", "link", ""] { remove("\(folder)/\(name)") } }
        for path in ["\(folder)/fifo", "\(folder)/link", "/dev/zero", "/dev/null", folder, "/dev/stdin"] {
            let error = #expect(throws: SettingError.self) {
                try SettingsReader(environment: ["AMQP_URL_FILE": path]).read(CommonSettings.brokerURL)
            }
            #expect(error?.description.hasPrefix("AMQP_URL_FILE is \"\(path)\", which cannot be read (") == true)
        }
    }

    @Test func aSparseFileOfTenGigabytesIsRefused() throws {
        let path = try temporaryFile("x")
        defer { unlink(path) }
        try #require(truncate(path, 10 << 30) == 0)
        #expect(throws: SettingError.self) {
            try SettingsReader(environment: ["AMQP_URL_FILE": path]).read(CommonSettings.brokerURL)
        }
    }

    @Test func aFileThatOthersCouldHaveWrittenIsRefused() throws {
        let path = try temporaryFile(secret)
        defer { unlink(path) }
        let settings = SettingsReader(environment: ["AMQP_URL_FILE": path])
        chmod(path, 0o666)
        let error = #expect(throws: SettingError.self) { try settings.read(CommonSettings.brokerURL) }
        #expect(error?.description.contains("every user of this machine can write") == true)
        chmod(path, 0o640)
        #expect(try settings.read(CommonSettings.brokerURL) == secret)
        guard geteuid() == 0, chown(path, 4711, 0) == 0 else { return }
        let other = #expect(throws: SettingError.self) { try settings.read(CommonSettings.brokerURL) }
        #expect(other?.description.contains("belongs to user 4711") == true)
    }

    @Test func aFileIsReadAgainEachTime() throws {
        let path = try temporaryFile("debug\n")
        defer { unlink(path) }
        let settings = SettingsReader(environment: ["LOG_LEVEL_FILE": path])
        #expect(try settings.read(CommonSettings.logLevel) == .debug)
        let file = try #require(fopen(path, "w"))
        fputs("error\n", file)
        fclose(file)
        #expect(try settings.read(CommonSettings.logLevel) == .error)
    }

    @Test func aFileOpenToAllIsWarnedOf() throws {
        let path = try temporaryFile(secret)
        defer { unlink(path) }
        let settings = SettingsReader(environment: ["AMQP_URL_FILE": path])
        chmod(path, 0o600)
        #expect(settings.warnings(for: [CommonSettings.brokerURL]).isEmpty)
        chmod(path, 0o644)
        #expect(settings.warnings(for: [CommonSettings.brokerURL]).count == 1)
    }

    private func temporaryFile(_ text: String) throws -> String {
        var template = Array("/tmp/settings-test-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        try #require(file >= 0)
        defer { close(file) }
        _ = text.withCString { write(file, $0, strlen($0)) }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}

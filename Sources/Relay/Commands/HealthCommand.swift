import ArgumentParser
import ProgramRuntime

struct HealthCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "health", abstract: "Asks the relay on this machine whether it is ready: exit 0, 1 or 69.")

    func run() async throws { try await HealthProbe.run(try SettingsReader.current.read(RelaySettings.http)) }
}

import ArgumentParser
import Glibc
import Records
import TestSupport

struct SeedsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seeds", abstract: "Writes the corpus from which the fuzzer starts: Tests/Fuzz/corpus.")

    @Argument(help: "A directory.") var directory: String

    func run() throws {
        for message in BadMessage.small {
            let name = String(message.name.lowercased().map { $0.isLetter || $0.isNumber ? $0 : "-" })
            try write("bad-\(name)", message.body)
        }
        for kind in RecordKind.all {
            var plan = LoadPlan(try LoadOptions.parse(["--count", "6", "--markets", "2", "--kinds", kind.name]))
            var number = 0
            while let message = plan.next() {
                number += 1
                try write("good-\(kind.name.lowercased())-\(number)", message.body)
            }
        }
    }

    private func write(_ name: String, _ bytes: [UInt8]) throws {
        guard let file = fopen("\(directory)/\(name).json", "w") else {
            throw ValidationError("\(directory) can't be written to")
        }
        fwrite(bytes, 1, bytes.count, file)
        fclose(file)
    }
}

import ArgumentParser

/// The commands that a command line names.
enum CommandWords {
    /// Says which command may have been meant, where a word is none.
    /// - Throws: `ValidationError`.
    static func check(_ arguments: [String], of root: any ParsableCommand.Type) throws {
        var command = root
        for word in arguments {
            let names = command.configuration.subcommands.map { ($0._commandName, $0) }
            guard !names.isEmpty, !word.hasPrefix("-"), word != "help" else { return }
            guard let next = names.first(where: { $0.0 == word }) else {
                let shown = SafeText.oneLine(word, limit: 80)
                let question = Spelling.question(word, in: names.map(\.0))
                throw ValidationError("\(command._commandName) has no command \"\(shown)\"\(question)")
            }
            command = next.1
        }
    }
}

/// Environment variables that look like settings and are none, so that a typing mistake is not ignored in silence.
struct UnknownVariables {
    /// A line for each, in the order of their names.
    let lines: [String]

    /// - Parameters:
    ///   - prefix: What the names of a program's own settings begin with, as in `WRITER_`.
    ///   - settings: All that the program reads.
    init(_ environment: some Sequence<String>, prefix: String, settings: [AnySetting]) {
        let known = Set(settings.flatMap { $0.hasFileVariant ? [$0.name, $0.name + "_FILE"] : [$0.name] })
        lines = environment.filter { !known.contains($0) }.sorted().compactMap { name in
            let meant = Spelling.nearest(to: name, in: known.sorted())
            let isOurs = name.hasPrefix(prefix) && !Self.isOfOrchestrator(name)
            guard isOurs || meant.map({ Self.family($0) == Self.family(name) }) == true else { return nil }
            return "\(SafeText.oneLine(name, limit: 80)) is set, but is no setting and has no effect"
                + (meant.map { ". Did you mean \($0)?" } ?? "")
        }
    }

    private static func family(_ name: String) -> Substring { name.prefix { $0 != "_" } }

    /// What Kubernetes sets for a service that is called as the program is: `WRITER_SERVICE_HOST`, `WRITER_PORT_9464_TCP`.
    private static func isOfOrchestrator(_ name: String) -> Bool {
        name.hasSuffix("_SERVICE_HOST") || name.contains("_SERVICE_PORT") || name.hasSuffix("_PORT")
            || name.contains("_TCP") || name.contains("_UDP")
    }
}

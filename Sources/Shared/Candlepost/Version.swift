/// The version of all programs, which are built and released together.
public enum Version {
    /// As in `1.2.3`: semantic versioning, of what `docs/` promises to operators and readers.
    public static let current = "1.0.0"

    /// The commit that it was built from: `git archive` writes it here. In a working copy nobody did.
    public static let revision = archived.hasPrefix("$") ? "unknown" : archived

    private static let archived = "$Format:%h$"

    /// What `--version` prints.
    public static func line(_ program: String) -> String { "\(program) \(current)" }
}

/// Style and script, which are built into the program. Their paths carry a tag of their content, so browsers may keep them.
enum Assets {
    static let style = PackageResources.console_css
    static let script = withoutComments(PackageResources.console_js)
    static let stylePath = "/assets/console.\(tag(style)).css"
    static let scriptPath = "/assets/console.\(tag(script)).js"

    static let icon = """
        <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><path d="M7 3v18M17 2v16" stroke="#78716c" stroke-width="1.6"/>\
        <rect x="4" y="7" width="6" height="10" rx="1.5" fill="#0f9d6e"/><rect x="14" y="5" width="6" height="9" rx="1.5" fill="#dc4c3e"/></svg>
        """

    /// Lines that are comments are for readers of the source.
    private static func withoutComments(_ script: [UInt8]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        return Array(
            script.split(separator: UInt8(ascii: "\n")).filter { !$0.starts(with: [slash, slash]) }
                .joined(separator: [UInt8(ascii: "\n")]))
    }

    private static func tag(_ bytes: [UInt8]) -> String {
        String(Answer.tag(String(decoding: bytes, as: UTF8.self)).dropFirst().dropLast())
    }
}

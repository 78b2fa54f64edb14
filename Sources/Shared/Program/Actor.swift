import Glibc

extension Program {
    /// Who runs this command, for the record of what operators do: `user@host:pid`.
    public static var actor: String {
        let user = getenv("SUDO_USER") ?? getenv("USER") ?? getenv("LOGNAME")
        return "\(user.map { String(cString: $0) } ?? "uid \(getuid())")@\(identity)"
    }
}

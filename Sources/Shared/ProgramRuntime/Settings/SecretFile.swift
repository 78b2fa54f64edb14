import Glibc

/// Files that hold one secret, as container platforms and `LoadCredential=` of systemd provide them: plain files, also
/// behind symbolic links, of root or of the user that runs the program, that nobody else can write.
enum SecretFile {
    private static let limit = 65_536

    /// The text of the file without the line end that editors add.
    /// - Throws: ``SettingError`` when the file can't be read, is no plain file, could be written by others, is empty, or is no text
    ///   of at most 64 KiB.
    static func read(_ path: String, for setting: AnySetting) throws(SettingError) -> String {
        let name = setting.name + "_FILE"
        let bytes: [UInt8]
        do {
            let (file, status) = try SmallFile.openPlain(path)
            defer { close(file) }
            if let distrust = distrust(status) {
                throw SettingError(setting: name, problem: "is \"\(path)\", which \(distrust)")
            }
            bytes = try SmallFile.read(file, limit: limit + 1)
        } catch let error as SettingError {
            throw error
        } catch {
            throw SettingError(
                setting: name, problem: "is \"\(path)\", which cannot be read (\(error)), but may be: a readable file")
        }
        guard bytes.count <= limit, let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingError(
                setting: name, problem: "is \"\(path)\", which may be: a UTF-8 text of at most 64 KiB, and is not")
        }
        let trimmed = withoutLineEnd(text)
        guard !trimmed.isEmpty else {
            throw SettingError(
                setting: name, problem: "is \"\(path)\", which is empty, but may hold: \(setting.allowed)")
        }
        return trimmed
    }

    /// What is wrong with a file that somebody else could put a secret of his own into; nil if nothing is.
    private static func distrust(_ status: stat) -> String? {
        if status.st_uid != 0, status.st_uid != geteuid() {
            return "belongs to user \(status.st_uid), but may belong to: root, or the user that runs the program"
        }
        guard status.st_mode & S_IWOTH != 0 else { return nil }
        return "every user of this machine can write, but may be written by: its owner (chmod 600)"
    }

    /// Whether users other than the owner and the group may read the file; false when that can't be told.
    static func isOpenToOthers(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IROTH != 0
    }

    private static func withoutLineEnd(_ text: String) -> String {
        var bytes = text.utf8[...]
        if bytes.last == UInt8(ascii: "\n") { bytes = bytes.dropLast() }
        if bytes.last == UInt8(ascii: "\r") { bytes = bytes.dropLast() }
        return String(decoding: bytes, as: UTF8.self)
    }
}

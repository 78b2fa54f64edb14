extension HeaderWriter {
    /// Adds a text under a name that is known only when it runs.
    public mutating func add(_ name: String, text: String) {
        frames.putShort(name)
        frames.put(UInt8(ascii: "S"))
        let length = frames.beginLength()
        frames.bytes.append(contentsOf: text.utf8)
        frames.endLength(length)
    }
}

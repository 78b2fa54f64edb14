import Testing

@testable import Postgres

@Suite("The binary format of arrays")
struct BinaryArrayTests {
    private func bytes(_ array: BinaryArray) -> [UInt8] { array.withWireBytes { Array($0) } }

    @Test func emptyHasNoDimensions() {
        let array = BinaryArray(elementType: .text, capacity: 10)
        #expect(bytes(array) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 25])
    }

    @Test func integersAreBigEndian() {
        var array = BinaryArray(elementType: .int4, capacity: 0)
        array.append(int4: 1)
        array.append(int4: -2)
        let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 23, 0, 0, 0, 2, 0, 0, 0, 1]
        #expect(bytes(array) == header + [0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 4, 0xFF, 0xFF, 0xFF, 0xFE])
    }

    @Test func nullSetsTheFlag() {
        var array = BinaryArray(elementType: .bool, capacity: 2)
        array.append(bool: true)
        array.appendNull()
        let header: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 16, 0, 0, 0, 2, 0, 0, 0, 1]
        #expect(bytes(array) == header + [0, 0, 0, 1, 1, 0xFF, 0xFF, 0xFF, 0xFF])
    }

    @Test func anElementCanBePutTogetherFromPieces() {
        var whole = BinaryArray(elementType: .text, capacity: 1)
        whole.append(text: "{\"a\":1}")
        var pieces = BinaryArray(elementType: .text, capacity: 1)
        pieces.beginElement()
        "{\"a\":".utf8.withContiguousStorageIfAvailable { pieces.append(raw: UnsafeRawBufferPointer($0)) }
        pieces.append(raw: [UInt8(ascii: "1")].span)
        pieces.append(rawByte: UInt8(ascii: "}"))
        pieces.endElement()
        #expect(bytes(pieces) == bytes(whole))
        #expect(pieces.count == 1)
    }

    @Test func growsAndKeepsWhatItHolds() {
        var array = BinaryArray(elementType: .text, capacity: 0)
        for index in 0..<1000 { array.append(text: String(repeating: "x", count: index)) }
        #expect(array.count == 1000)
        #expect(bytes(array).count == 20 + 1000 * 4 + 999 * 1000 / 2)
    }

    @Test func removingKeepsNothingOfTheOldElements() {
        var array = BinaryArray(elementType: .int2, capacity: 4)
        array.append(int2: 5)
        array.appendNull()
        array.removeAll()
        #expect(bytes(array) == bytes(BinaryArray(elementType: .int2, capacity: 0)))
        array.append(int2: 7)
        var fresh = BinaryArray(elementType: .int2, capacity: 1)
        fresh.append(int2: 7)
        #expect(bytes(array) == bytes(fresh))
    }

    @Test func aParameterKeepsItsElementsWhenTheArrayIsReused() {
        var array = BinaryArray(elementType: .int2, capacity: 4)
        array.append(int2: 5)
        let parameter = Parameter.array(array)
        array.removeAll()
        guard case .array(let kept) = parameter.value else {
            Issue.record("not an array")
            return
        }
        #expect(kept.count == 1)
    }
}

@Suite("Timestamps")
struct TimestampTests {
    @Test(arguments: [
        (946_684_800_000 as Int64, 0 as Int64), (0, -946_684_800_000_000), (946_684_800_001, 1000),
        (.max, .max - 1), (.min, .min + 1),
    ])
    func fromMilliseconds(milliseconds: Int64, microseconds: Int64) {
        #expect(PostgresTime.microsecondsSince2000(milliseconds: milliseconds) == microseconds)
    }

    @Test func microsecondsAreRoundedDown() {
        #expect(PostgresTime.milliseconds(microsecondsSince2000: 1999) == 946_684_800_001)
        #expect(PostgresTime.milliseconds(microsecondsSince2000: -1) == 946_684_799_999)
    }
}

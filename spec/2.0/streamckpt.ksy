# Made from spec/1.0/format.toml and spec/2.0/format.toml by `python -m conformance.format --write`.
meta:
  id: streamckpt
  title: Stream of a checkpoint, plain or sealed, version 2.0
  license: Apache-2.0
  ks-version: "0.11"
  endian: be
doc: |
  A tree of tensors and small values as records, one after the other, behind which a seal may stand. The type `flax_file` is
  that of a standard flax file, `detached_seal` that of a seal in a file of its own. What a grammar cannot decide is listed
  in conformance/format/undecided.toml.
seq:
  - id: plain
    type: plain_stream
    if: not is_sealed
  - id: records
    type: sealed_records
    size: footer.seal_offset
    if: is_sealed
  - id: seal_header
    type: seal_header(footer.index_size)
    if: is_sealed
  - id: index
    type: index(false)
    size: footer.index_size
    if: is_sealed
instances:
  beginning:
    pos: 0
    size: 5
  is_sealed: {value: "_io.size >= 5 and beginning == [0xdd, 0x00, 0x00, 0x00, 0x02]"}
  footer:
    pos: _io.size - 40
    type: footer(_io.size)
enums:
  kinds: {0: nil, 1: bool, 2: int, 3: float, 4: str, 5: bin, 6: ext, 7: array, 8: map}
types:
  plain_stream:
    seq:
      - id: first
        type: record
      - id: others
        type: record
        repeat: eos
  sealed_records:
    doc: "SEAL-1: the first begins with the mark, every other with 92."
    seq:
      - id: mark
        contents: [0xdd, 0x00, 0x00, 0x00, 0x02]
      - id: first
        type: record_content(true)
      - id: others
        type: sealed_record
        repeat: eos
  sealed_record:
    seq:
      - id: header
        contents: [0x92]
      - id: content
        type: record_content(true)
  seal_header:
    doc: "SEAL-3: a bin that lacks its last byte."
    params:
      - {id: index_size, type: u4}
    seq:
      - id: first
        contents: [0xc6]
      - id: length
        type: u4
        valid: {expr: _ == index_size + 41 and _ <= 2147483647}
  footer:
    doc: "SEAL-4; `size` is that of the file, or 0 where the seal is detached."
    params:
      - {id: size, type: u8}
    seq:
      - id: seal_offset
        type: u8
        doc: "the offset of the seal, which is the number of bytes before it"
      - id: index_size
        type: u4
        doc: "the number of bytes of the index"
      - id: index_checksum
        type: u4
        doc: "the checksum (SUM-1) of the index"
      - id: major
        type: u2
        valid: 2
        doc: "the major version, 2"
      - id: minor
        type: u2
        valid: 0
        doc: "the minor version, 0"
      - id: footer_checksum
        type: u4
        doc: "the checksum of bytes 0 to 19 of the footer"
      - id: signature
        contents: [0x73, 0x74, 0x72, 0x65, 0x61, 0x6d, 0x63, 0x6b, 0x70, 0x74, 0x2d, 0x73, 0x65, 0x61, 0x6c, 0x0a]
        doc: "the 16 bytes 73 74 72 65 61 6d 63 6b 70 74 2d 73 65 61 6c 0a: streamckpt-seal and a line feed"
      - id: fits
        size: 0
        valid: {expr: size == 0 or seal_offset + 5 + index_size + 40 == size}
  detached_seal:
    doc: "DETACHED-1: an index and a footer."
    seq:
      - id: index
        type: index(true)
        size: _io.size - 40
      - id: footer
        type: footer(0)
      - id: fits
        size: 0
        valid: {expr: footer.index_size + 40 == _io.size}
  short_header:
    doc: "INDEX-5: a header in the one form that it can have."
    seq:
      - id: header
        type: header
      - id: is_canonical
        size: 0
        valid: {expr: header.is_shortest}
    instances:
      kind: {value: header.kind}
      n: {value: header.n}
      first: {value: header.first}
  short_text:
    seq:
      - id: header
        type: short_header
      - id: is_str
        size: 0
        valid: {expr: header.kind == kinds::str}
      - id: value
        type: str
        size: header.n
        encoding: UTF-8
  index:
    doc: "INDEX-1."
    params:
      - {id: detached, type: bool}
    seq:
      - id: header
        type: short_header
      - id: is_map
        size: 0
        valid: {expr: header.kind == kinds::map and (header.n == 4 or header.n == 5)}
      - id: entries
        type: "index_entry(_index, detached, _index == 4 ? entries[2].count : 0)"
        repeat: expr
        repeat-expr: header.n
      - id: end
        type: end
  index_entry:
    params:
      - {id: index, type: u4}
      - {id: detached, type: bool}
      - {id: leaves, type: u4}
    seq:
      - id: key
        type: short_text
      - id: is_key
        size: 0
        valid: {expr: 'key.value == ["alignment", "checksum", "leaves", "metadata", "digests"][index]'}
      - id: alignment
        type: short_header
        if: index == 0
      - id: is_alignment
        size: 0
        valid:
          expr: "alignment.kind == kinds::int and (detached ? alignment.n == 1 : is_power)"
        if: index == 0
      - id: bin_header
        type: short_header
        if: index == 1 or index == 4
      - id: is_bin
        size: 0
        valid: {expr: "bin_header.kind == kinds::bin and bin_header.n == (index == 1 ? 4 : 32 * (leaves + 1))"}
        if: index == 1 or index == 4
      - id: bin
        size: bin_header.n
        if: index == 1 or index == 4
      - id: array
        type: short_header
        if: index == 2
      - id: is_array
        size: 0
        valid: {expr: array.kind == kinds::array and array.n >= 1}
        if: index == 2
      - id: rows
        type: index_leaf
        repeat: expr
        repeat-expr: array.n
        if: index == 2
      - id: metadata
        type: metadata(1)
        if: index == 3
      - id: is_metadata
        size: 0
        valid: {expr: metadata.header.kind == kinds::map}
        if: index == 3
    instances:
      count: {value: array.n}
      is_power: {value: "alignment.n == 64 or alignment.n == 128 or alignment.n == 256 or alignment.n == 512 or alignment.n == 1024 or alignment.n == 2048 or alignment.n == 4096"}
  index_leaf:
    doc: "INDEX-2."
    seq:
      - id: header
        type: short_header
      - id: is_five
        size: 0
        valid: {expr: header.kind == kinds::array and header.n == 5}
      - id: path
        type: index_path
      - id: kind
        type: short_text
      - id: is_kind
        size: 0
        valid: {expr: "kind.value == 'ndarray' or kind.value == 'scalar' or kind.value == 'complex' or kind.value == 'nil' or kind.value == 'bool' or kind.value == 'int' or kind.value == 'float' or kind.value == 'str' or kind.value == 'bin' or kind.value == 'empty'"}
      - id: dtype
        type: short_text
        if: is_array
      - id: is_tag
        size: 0
        valid: {expr: "dtype.value == 'bool' or dtype.value == 'int8' or dtype.value == 'uint8' or dtype.value == 'int16' or dtype.value == 'uint16' or dtype.value == 'int32' or dtype.value == 'uint32' or dtype.value == 'int64' or dtype.value == 'uint64' or dtype.value == 'float16' or dtype.value == 'bfloat16' or dtype.value == 'float32' or dtype.value == 'float64' or dtype.value == 'complex64' or dtype.value == 'complex128' or dtype.value == 'complex32' or dtype.value == 'bcomplex32' or dtype.value == 'float8_e3m4' or dtype.value == 'float8_e4m3' or dtype.value == 'float8_e4m3b11fnuz' or dtype.value == 'float8_e4m3fn' or dtype.value == 'float8_e4m3fnuz' or dtype.value == 'float8_e5m2' or dtype.value == 'float8_e5m2fnuz' or dtype.value == 'float8_e8m0fnu' or dtype.value == 'float6_e2m3fn' or dtype.value == 'float6_e3m2fn' or dtype.value == 'float4_e2m1fn' or dtype.value == 'int4' or dtype.value == 'uint4' or dtype.value == 'int2' or dtype.value == 'uint2' or dtype.value == 'int1' or dtype.value == 'uint1'"}
        if: is_array
      - id: shape
        type: short_header
        if: is_array
      - id: is_shape
        size: 0
        valid: {expr: 'shape.kind == kinds::array and shape.n <= (kind.value == "scalar" ? 0 : 64)'}
        if: is_array
      - id: dimensions
        type: index_dimension
        repeat: expr
        repeat-expr: shape.n
        if: is_array
      - id: nothing
        contents: [0xc0, 0xc0]
        if: not is_array
      - id: records_header
        type: short_header
      - id: has_records
        size: 0
        valid: {expr: records_header.kind == kinds::array and records_header.n >= 1}
      - id: records
        type: index_record
        repeat: expr
        repeat-expr: records_header.n
    instances:
      is_array: {value: 'kind.value == "ndarray" or kind.value == "scalar"'}
  index_path:
    seq:
      - id: header
        type: short_header
      - id: is_path
        size: 0
        valid: {expr: header.kind == kinds::array and header.n >= 1 and header.n <= 512}
      - id: parts
        type: "index_part(_index == 0 ? 0 : parts[_index - 1].bytes)"
        repeat: expr
        repeat-expr: header.n
  index_part:
    params:
      - {id: bytes_before, type: u8}
    seq:
      - id: text
        type: short_text
      - id: is_short
        size: 0
        valid: {expr: bytes <= 65535}
    instances:
      bytes: {value: bytes_before + text.header.n}
  index_dimension:
    seq:
      - id: header
        type: short_header
      - id: is_count
        size: 0
        valid: {expr: header.kind == kinds::int and header.n >= 0}
  index_record:
    doc: "INDEX-3, INDEX-4."
    seq:
      - id: header
        type: short_header
      - id: size
        type: short_header
      - id: payload
        type: short_header
      - id: sums
        type: short_header
      - id: is_record
        size: 0
        valid:
          expr: "header.kind == kinds::array and header.n == 3 and size.kind == kinds::int and size.n >= 0 and (payload.kind == kinds::nil or (payload.kind == kinds::int and payload.n >= 0 and payload.n <= size.n)) and sums.kind == kinds::bin and sums.n == 4 * ((size.n + 4194304 - 1) / 4194304)"
      - id: checksums
        size: sums.n
  metadata:
    doc: "META-1, META-2; META-3 but for the number of values."
    params:
      - {id: depth, type: u1}
    seq:
      - id: header
        type: short_header
      - id: is_plain
        size: 0
        valid:
          expr: "(header.kind == kinds::nil or header.kind == kinds::bool or header.kind == kinds::int or header.kind == kinds::float or header.kind == kinds::str or header.kind == kinds::bin or header.kind == kinds::array or header.kind == kinds::map) and header.first != 0xca and depth <= 64 + (is_list ? 0 : 1)"
      - id: bytes
        size: header.n
        if: header.kind == kinds::bin
      - id: text
        type: str
        size: header.n
        encoding: UTF-8
        if: header.kind == kinds::str
      - id: items
        type: metadata(depth + 1)
        repeat: expr
        repeat-expr: header.n
        if: header.kind == kinds::array
      - id: entries
        type: metadata_entry(depth + 1)
        repeat: expr
        repeat-expr: header.n
        if: header.kind == kinds::map
    instances:
      is_list: {value: header.kind == kinds::array or header.kind == kinds::map}
  metadata_entry:
    params:
      - {id: depth, type: u1}
    seq:
      - id: key
        type: short_text
      - id: value
        type: metadata(depth)
  header:
    doc: "WIRE: what a value is, and the number in its header: an int, a length or a count."
    seq:
      - id: first
        type: u1
        valid: {expr: _ != 0xc1}
      - id: given
        type: {switch-on: first, cases: {0xc4: u1, 0xc5: u2, 0xc6: u4, 0xc7: u1, 0xc8: u2, 0xc9: u4, 0xcc: u1, 0xcd: u2, 0xce: u4, 0xcf: u8, 0xd0: s1, 0xd1: s2, 0xd2: s4, 0xd3: s8, 0xd9: u1, 0xda: u2, 0xdb: u4, 0xdc: u2, 0xdd: u4, 0xde: u2, 0xdf: u4}}
      - id: decimal
        type: {switch-on: first, cases: {0xca: f4, 0xcb: f8}}
    instances:
      kind: {value: "(first <= 0x7f ? kinds::int : (first <= 0x8f ? kinds::map : (first <= 0x9f ? kinds::array : (first <= 0xbf ? kinds::str : (first <= 0xc1 ? kinds::nil : (first <= 0xc3 ? kinds::bool : (first <= 0xc6 ? kinds::bin : (first <= 0xc9 ? kinds::ext : (first <= 0xcb ? kinds::float : (first <= 0xd3 ? kinds::int : (first <= 0xd8 ? kinds::ext : (first <= 0xdb ? kinds::str : (first <= 0xdd ? kinds::array : (first <= 0xdf ? kinds::map : kinds::int))))))))))))))"}
      n: {value: "(first <= 0x7f ? first : (first <= 0x8f ? first - 0x80 : (first <= 0x9f ? first - 0x90 : (first <= 0xbf ? first - 0xa0 : (first <= 0xc1 ? 0 : (first <= 0xc3 ? first - 0xc2 : (first <= 0xc9 ? given : (first <= 0xcb ? 0 : (first <= 0xd3 ? given : (first <= 0xd5 ? first - 0xd3 : (first <= 0xd6 ? first - 0xd2 : (first <= 0xd7 ? first - 0xcf : (first <= 0xd8 ? first - 0xc8 : (first <= 0xdf ? given : first - 0x100))))))))))))))"}
      least: {value: "(first == 0xc5 ? 256 : (first == 0xc6 ? 65536 : (first == 0xc8 ? 256 : (first == 0xc9 ? 65536 : (first == 0xcc ? 128 : (first == 0xcd ? 256 : (first == 0xce ? 65536 : (first == 0xcf ? 4294967296 : (first == 0xd0 ? -33 : (first == 0xd1 ? -129 : (first == 0xd2 ? -32769 : (first == 0xd3 ? -2147483649 : (first == 0xd9 ? 32 : (first == 0xda ? 256 : (first == 0xdb ? 65536 : (first == 0xdc ? 16 : (first == 0xdd ? 65536 : (first == 0xde ? 16 : (first == 0xdf ? 65536 : n)))))))))))))))))))"}
      is_shortest: {value: "least < 0 ? n <= least : n >= least"}
  text:
    doc: "WIRE-5: a str."
    seq:
      - id: header
        type: header
      - id: is_str
        size: 0
        valid: {expr: header.kind == kinds::str}
      - id: value
        type: str
        size: header.n
        encoding: UTF-8
  end:
    doc: "WIRE-6: nothing is left over."
    seq:
      - id: left_over
        size-eos: true
        valid: {expr: _.length == 0}
  record:
    doc: "REC-1: a key path and a leaf blob."
    seq:
      - id: header
        type: header
      - id: is_pair
        size: 0
        valid: {expr: header.kind == kinds::array and header.n == 2}
      - id: content
        type: record_content(false)
  record_content:
    params:
      - {id: padded, type: bool}
    seq:
      - id: path
        type: key_path
      - id: blob_header
        type: header
      - id: is_bin
        size: 0
        valid: {expr: blob_header.kind == kinds::bin}
      - id: blob
        type: leaf_blob(padded)
        size: blob_header.n
  leaf_blob:
    doc: "REC-2: exactly one leaf."
    params:
      - {id: padded, type: bool}
    seq:
      - id: leaf
        type: node(0, 0, padded)
      - id: end
        type: end
  key_path:
    doc: "KEY-1, KEY-3, KEY-4."
    seq:
      - id: header
        type: header
      - id: is_path
        size: 0
        valid: {expr: header.kind == kinds::array and header.n >= 1 and header.n <= 512}
      - id: parts
        type: "part(_index == 0 ? 0 : parts[_index - 1].bytes)"
        repeat: expr
        repeat-expr: header.n
  part:
    params:
      - {id: bytes_before, type: u8}
    seq:
      - id: text
        type: text
      - id: is_short
        size: 0
        valid: {expr: bytes <= 65535}
    instances:
      bytes: {value: bytes_before + text.header.n}
  node:
    doc: "LEAF-1: a leaf; in a flax file also a map of such (FLAX-2), which stands `depth` keys deep."
    params:
      - {id: depth, type: u4}
      - {id: bytes, type: u8}
      - {id: padded, type: bool}
    seq:
      - id: header
        type: header
      - id: is_node
        size: 0
        valid:
          expr: header.kind != kinds::array and depth <= 512 and bytes <= 65535
      - id: ext_type
        type: u1
        valid: {any-of: [1, 3, 2]}
        if: header.kind == kinds::ext
      - id: body
        size: header.n
        type:
          switch-on: ext_type
          cases:
            1: ndarray(0, 64)
            2: complex_number
            3: ndarray(0, 0)
        if: header.kind == kinds::ext
      - id: str
        type: str
        size: header.n
        encoding: UTF-8
        if: header.kind == kinds::str
      - id: bin
        size: header.n
        if: header.kind == kinds::bin
      - id: first_key
        type: text
        if: has_entries
      - id: is_allowed
        size: 0
        valid: {expr: "is_chunked ? header.n == 3 or (padded and header.n == 4) : depth > 0"}
        if: has_entries
      - id: chunked
        type: chunked_array(header.n == 4)
        if: is_chunked
      - id: first_value
        type: node(depth + 1, bytes + first_key.header.n, padded)
        if: has_entries and not is_chunked
      - id: others
        type: entry(depth + 1, bytes)
        repeat: expr
        repeat-expr: header.n - 1
        if: has_entries and not is_chunked
    instances:
      has_entries: {value: header.kind == kinds::map and header.n > 0}
      is_chunked: {value: 'has_entries and first_key.value == "__msgpack_chunked_array__"'}
  ndarray:
    doc: "LEAF-2 to LEAF-5, with so many dimensions at least and at most."
    params:
      - {id: least, type: u1}
      - {id: most, type: u1}
    seq:
      - id: header
        type: header
      - id: is_three
        size: 0
        valid: {expr: header.kind == kinds::array and header.n == 3}
      - id: shape
        type: header
      - id: is_shape
        size: 0
        valid: {expr: shape.kind == kinds::array and shape.n >= least and shape.n <= most}
      - id: dimensions
        type: "dimension(_index == 0 ? 1 : dimensions[_index - 1].elements, _index == 0 ? 1 : dimensions[_index - 1].extent)"
        repeat: expr
        repeat-expr: shape.n
      - id: tag_header
        type: header
      - id: is_tag
        size: 0
        valid: {expr: tag_header.kind == kinds::str or tag_header.kind == kinds::bin}
      - id: tag
        type: str
        size: tag_header.n
        encoding: UTF-8
        valid: {any-of: ['"bool"', '"int8"', '"uint8"', '"int16"', '"uint16"', '"int32"', '"uint32"', '"int64"', '"uint64"', '"float16"', '"bfloat16"', '"float32"', '"float64"', '"complex64"', '"complex128"', '"complex32"', '"bcomplex32"', '"float8_e3m4"', '"float8_e4m3"', '"float8_e4m3b11fnuz"', '"float8_e4m3fn"', '"float8_e4m3fnuz"', '"float8_e5m2"', '"float8_e5m2fnuz"', '"float8_e8m0fnu"', '"float6_e2m3fn"', '"float6_e3m2fn"', '"float4_e2m1fn"', '"int4"', '"uint4"', '"int2"', '"uint2"', '"int1"', '"uint1"']}
      - id: payload_header
        type: header
      - id: is_payload
        size: 0
        valid:
          expr: payload_header.kind == kinds::bin and extent <= 9223372036854775807 / width and payload_header.n == elements * width
      - id: payload
        size: payload_header.n
      - id: end
        type: end
    instances:
      elements: {value: "shape.n == 0 ? 1 : dimensions[shape.n - 1].elements"}
      extent: {value: "shape.n == 0 ? 1 : dimensions[shape.n - 1].extent"}
      width:
        value: '(tag == "int16" ? 2 : (tag == "uint16" ? 2 : (tag == "int32" ? 4 : (tag == "uint32" ? 4 : (tag == "int64" ? 8 : (tag == "uint64" ? 8 : (tag == "float16" ? 2 : (tag == "bfloat16" ? 2 : (tag == "float32" ? 4 : (tag == "float64" ? 8 : (tag == "complex64" ? 8 : (tag == "complex128" ? 16 : (tag == "complex32" ? 4 : (tag == "bcomplex32" ? 4 : 1))))))))))))))'
  dimension:
    doc: "One of a shape, with the product of all up to it, and that of those which are not 0."
    params:
      - {id: elements_before, type: u8}
      - {id: extent_before, type: u8}
    seq:
      - id: header
        type: header
      - id: is_count
        size: 0
        valid: {expr: header.kind == kinds::int and header.n >= 0}
    instances:
      elements: {value: elements_before * header.n}
      extent: {value: "extent_before * (header.n == 0 ? 1 : header.n)"}
  complex_number:
    doc: "LEAF-7."
    seq:
      - id: header
        type: header
      - id: is_pair
        size: 0
        valid: {expr: header.kind == kinds::array and header.n == 2}
      - id: real
        type: header
      - id: imaginary
        type: header
      - id: are_floats
        size: 0
        valid: {expr: real.kind == kinds::float and imaginary.kind == kinds::float}
      - id: end
        type: end
  chunked_array:
    doc: "LEAF-10 to LEAF-12, behind the first key; ALIGN-1 and ALIGN-2 where it is padded."
    params:
      - {id: padded, type: bool}
    seq:
      - id: marker
        type: header
      - id: is_true
        size: 0
        valid: {expr: marker.first == 0xc3}
      - id: padding
        type: padding
        if: padded
      - id: shape_key
        type: text
      - id: shape
        type: header
      - id: is_shape
        size: 0
        valid: {expr: 'shape_key.value == "shape" and shape.kind == kinds::map and shape.n <= 64'}
      - id: dimensions
        type: "numbered_dimension(_index, _index == 0 ? 1 : dimensions[_index - 1].value.elements, _index == 0 ? 1 : dimensions[_index - 1].value.extent)"
        repeat: expr
        repeat-expr: shape.n
      - id: chunks_key
        type: text
      - id: chunks_header
        type: header
      - id: is_chunks
        size: 0
        valid: {expr: 'chunks_key.value == "chunks" and chunks_header.kind == kinds::map and chunks_header.n >= 1'}
      - id: chunks
        type: 'chunk(_index, _index == 0 ? 0 : chunks[_index - 1].elements, _index == 0 ? "" : chunks[0].body.tag)'
        repeat: expr
        repeat-expr: chunks_header.n
      - id: is_whole
        size: 0
        valid:
          expr: chunks[chunks_header.n - 1].elements == elements and extent <= 9223372036854775807 / chunks[0].body.width
    instances:
      elements: {value: "shape.n == 0 ? 1 : dimensions[shape.n - 1].value.elements"}
      extent: {value: "shape.n == 0 ? 1 : dimensions[shape.n - 1].value.extent"}
  padding:
    seq:
      - id: key
        type: text
      - id: header
        type: header
      - id: is_padding
        size: 0
        valid: {expr: 'key.value == "pad" and header.kind == kinds::bin and header.n <= 4095'}
      - id: zeros
        type: u1
        valid: 0
        repeat: expr
        repeat-expr: header.n
  numbered_dimension:
    params:
      - {id: index, type: u4}
      - {id: elements_before, type: u8}
      - {id: extent_before, type: u8}
    seq:
      - id: key
        type: text
      - id: is_next
        size: 0
        valid: {expr: key.value == index.to_s}
      - id: value
        type: dimension(elements_before, extent_before)
  chunk:
    params:
      - {id: index, type: u4}
      - {id: elements_before, type: u8}
      - {id: tag, type: str}
    seq:
      - id: key
        type: text
      - id: header
        type: header
      - id: is_next
        size: 0
        valid: {expr: key.value == index.to_s and header.kind == kinds::ext}
      - id: ext_type
        type: u1
        valid: 1
      - id: body
        size: header.n
        type: ndarray(1, 1)
      - id: is_alike
        size: 0
        valid: {expr: index == 0 or body.tag == tag}
    instances:
      elements: {value: elements_before + body.elements}
  flax_file:
    doc: "FLAX-1: one map of one or more entries."
    seq:
      - id: header
        type: header
      - id: is_map
        size: 0
        valid: {expr: header.kind == kinds::map and header.n >= 1}
      - id: entries
        type: entry(1, 0)
        repeat: expr
        repeat-expr: header.n
      - id: end
        type: end
  entry:
    doc: "FLAX-2, FLAX-3."
    params:
      - {id: depth, type: u4}
      - {id: bytes_before, type: u8}
    seq:
      - id: key
        type: text
      - id: is_no_marker
        size: 0
        valid: {expr: 'key.value != "__msgpack_chunked_array__"'}
      - id: value
        type: node(depth, bytes_before + key.header.n, false)

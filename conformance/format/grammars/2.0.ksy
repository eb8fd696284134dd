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
  is_sealed: {value: "_io.size >= 5 and beginning == <mark>"}
  footer:
    pos: _io.size - 40
    type: footer(_io.size)
enums:
  kinds: {<kinds>}
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
        contents: <mark>
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
        valid: {expr: _ == index_size + 41 and _ <= <most_seal_length>}
  footer:
    doc: "SEAL-4; `size` is that of the file, or 0 where the seal is detached."
    params:
      - {id: size, type: u8}
    seq:
      <footer>
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
        valid: {expr: 'key.value == [<index_keys>][index]'}
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
      is_power: {value: "<power>"}
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
        valid: {expr: "<is_leaf_kind>"}
      - id: dtype
        type: short_text
        if: is_array
      - id: is_tag
        size: 0
        valid: {expr: "<is_tag>"}
        if: is_array
      - id: shape
        type: short_header
        if: is_array
      - id: is_shape
        size: 0
        valid: {expr: 'shape.kind == kinds::array and shape.n <= (kind.value == "scalar" ? 0 : <most_dimensions>)'}
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
        valid: {expr: header.kind == kinds::array and header.n >= 1 and header.n <= <most_path_parts>}
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
        valid: {expr: bytes <= <most_path_bytes>}
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
          expr: "header.kind == kinds::array and header.n == 3 and size.kind == kinds::int and size.n >= 0 and (payload.kind == kinds::nil or (payload.kind == kinds::int and payload.n >= 0 and payload.n <= size.n)) and sums.kind == kinds::bin and sums.n == 4 * ((size.n + <most_checksum_block_bytes> - 1) / <most_checksum_block_bytes>)"
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
          expr: "(<metadata_kinds>) and header.first != 0xca and depth <= <most_metadata_depth> + (is_list ? 0 : 1)"
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

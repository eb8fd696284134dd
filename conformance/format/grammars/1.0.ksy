# Made from spec/1.0/format.toml by `python -m conformance.format --write`.
meta:
  id: streamckpt
  title: Plain stream of a checkpoint, version 1.0
  license: Apache-2.0
  ks-version: "0.11"
  endian: be
doc: |
  A tree of tensors and small values as records, one after the other. The type `flax_file` is that of a standard flax file,
  which holds the same leaves. What a grammar cannot decide is listed in conformance/format/undecided.toml.
seq:
  - id: first
    type: record
  - id: others
    type: record
    repeat: eos
enums:
  kinds: {<kinds>}
types:
  header:
    doc: "WIRE: what a value is, and the number in its header: an int, a length or a count."
    seq:
      - id: first
        type: u1
        valid: {expr: _ != 0xc1}
      - id: given
        type: {switch-on: first, cases: {<forms>}}
      - id: decimal
        type: {switch-on: first, cases: {<floats>}}
    instances:
      kind: {value: "<kind_of>"}
      n: {value: "<number_of>"}
      least: {value: "<least_of>"}
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
        valid: {expr: header.kind == kinds::array and header.n >= 1 and header.n <= <most_path_parts>}
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
        valid: {expr: bytes <= <most_path_bytes>}
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
          expr: header.kind != kinds::array and depth <= <most_path_parts> and bytes <= <most_path_bytes>
      - id: ext_type
        type: u1
        valid: {any-of: [<ext_types>]}
        if: header.kind == kinds::ext
      - id: body
        size: header.n
        type:
          switch-on: ext_type
          cases:
            1: ndarray(0, <most_dimensions>)
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
      is_chunked: {value: 'has_entries and first_key.value == "<marker>"'}
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
        valid: {any-of: [<tags>]}
      - id: payload_header
        type: header
      - id: is_payload
        size: 0
        valid:
          expr: payload_header.kind == kinds::bin and extent <= <most_array_bytes> / width and payload_header.n == elements * width
      - id: payload
        size: payload_header.n
      - id: end
        type: end
    instances:
      elements: {value: "shape.n == 0 ? 1 : dimensions[shape.n - 1].elements"}
      extent: {value: "shape.n == 0 ? 1 : dimensions[shape.n - 1].extent"}
      width:
        value: '<width>'
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
        valid: {expr: 'shape_key.value == "shape" and shape.kind == kinds::map and shape.n <= <most_dimensions>'}
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
          expr: chunks[chunks_header.n - 1].elements == elements and extent <= <most_array_bytes> / chunks[0].body.width
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
        valid: {expr: 'key.value != "<marker>"'}
      - id: value
        type: node(depth, bytes_before + key.header.n, false)

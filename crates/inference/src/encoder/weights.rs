//! Which numbers does the model's file hold, by name?
//!
//! An ONNX file is one protocol-buffer message. Only its tensors are read here, and only as far as the built-in model
//! needs them: what it computes with them is in the code beside this. Nothing is copied but the small ones.

use std::collections::HashMap;

/// Field numbers of the messages on the way: model, graph, tensor.
const MODEL_GRAPH: u64 = 7;
const GRAPH_TENSOR: u64 = 5;
const TENSOR_FLOATS: u64 = 4;
const TENSOR_INTEGERS: u64 = 5;
const TENSOR_NAME: u64 = 8;
const TENSOR_BYTES: u64 = 9;

/// One tensor's numbers, in whichever of three ways the file holds them.
#[derive(Default)]
pub(super) struct Tensor<'a> {
    /// As bytes, as they lie in the file.
    pub bytes: &'a [u8],
    /// As numbers with a fraction.
    pub floats: Vec<f32>,
    /// As whole numbers, also those of eight bits.
    pub integers: Vec<i64>,
}

/// The tensors of a model by name.
pub(super) struct Weights<'a>(HashMap<&'a str, Tensor<'a>>);

impl<'a> Weights<'a> {
    /// Reads a model's file; none when it is not one.
    pub fn read(file: &'a [u8]) -> Option<Weights<'a>> {
        let mut tensors = HashMap::new();
        for (_, graph) in fields(file)?.into_iter().filter(|(number, _)| *number == MODEL_GRAPH) {
            for (_, tensor) in
                fields(graph.bytes()?)?.into_iter().filter(|(number, _)| *number == GRAPH_TENSOR)
            {
                let (name, tensor) = read_tensor(tensor.bytes()?)?;
                tensors.insert(name, tensor);
            }
        }
        Some(Weights(tensors))
    }

    /// The bytes of a tensor of `length` numbers of eight bits.
    pub fn bytes(&self, name: &str, length: usize) -> Option<&'a [u8]> {
        self.0.get(name).map(|tensor| tensor.bytes).filter(|bytes| bytes.len() == length)
    }

    /// The numbers of a tensor of `length` with a fraction.
    pub fn floats(&self, name: &str, length: usize) -> Option<Vec<f32>> {
        let tensor = self.0.get(name)?;
        let floats = if tensor.floats.is_empty() {
            tensor.bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
        } else {
            tensor.floats.clone()
        };
        (floats.len() == length).then_some(floats)
    }

    /// The whole numbers of a tensor of `length` that is not held as bytes.
    pub fn integers(&self, name: &str, length: usize) -> Option<&[i64]> {
        self.0.get(name).map(|tensor| tensor.integers.as_slice()).filter(|numbers| numbers.len() == length)
    }
}

fn read_tensor(message: &[u8]) -> Option<(&str, Tensor<'_>)> {
    let (mut name, mut tensor) = ("", Tensor::default());
    for (number, value) in fields(message)? {
        match (number, value) {
            (TENSOR_NAME, Value::Bytes(bytes)) => name = std::str::from_utf8(bytes).ok()?,
            (TENSOR_BYTES, Value::Bytes(bytes)) => tensor.bytes = bytes,
            (TENSOR_FLOATS, Value::Bytes(packed)) => {
                tensor
                    .floats
                    .extend(packed.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)));
            }
            (TENSOR_FLOATS, Value::Fixed(bits)) => tensor.floats.push(f32::from_bits(bits)),
            (TENSOR_INTEGERS, Value::Bytes(mut packed)) => {
                while !packed.is_empty() {
                    tensor.integers.push(varint(&mut packed)? as i64);
                }
            }
            (TENSOR_INTEGERS, Value::Number(number)) => tensor.integers.push(number as i64),
            _ => {}
        }
    }
    Some((name, tensor))
}

/// A field's value as the message holds it.
#[derive(Clone, Copy)]
enum Value<'a> {
    Number(u64),
    Fixed(u32),
    Bytes(&'a [u8]),
    Other,
}

impl<'a> Value<'a> {
    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// The fields of a message, in order; none when it is damaged.
fn fields(mut message: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !message.is_empty() {
        let key = varint(&mut message)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut message)?),
            1 => take(&mut message, 8).map(|_| Value::Other)?,
            2 => {
                let length = usize::try_from(varint(&mut message)?).ok()?;
                Value::Bytes(take(&mut message, length)?)
            }
            5 => Value::Fixed(u32::from_le_bytes(take(&mut message, 4)?.try_into().ok()?)),
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

fn take<'a>(message: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, rest) = message.split_at_checked(length)?;
    *message = rest;
    Some(taken)
}

fn varint(message: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *take(message, 1)?.first()?;
        number |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_model_is_refused_and_an_empty_one_holds_nothing() {
        assert!(Weights::read(b"no model").is_none());
        assert!(Weights::read(&[0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]).is_none());
        assert!(Weights::read(&[]).is_some_and(|weights| weights.bytes("word", 0).is_none()));
    }

    #[test]
    fn numbers_are_read_however_they_are_written_down() {
        // Tensor "a" with two floats, one packed and one not, and integers 300 and -1.
        let mut tensor =
            vec![0x42, 1, b'a', 0x22, 4, 0, 0, 0x80, 0x3F, 0x25, 0, 0, 0, 0x40, 0x2A, 2, 0xAC, 2, 0x28];
        tensor.extend([0xFF; 9].into_iter().chain([1]));
        let graph = [&[0x2A, tensor.len() as u8][..], &tensor].concat();
        let model = [&[0x3A, graph.len() as u8][..], &graph].concat();
        let weights = Weights::read(&model).unwrap();
        assert_eq!(weights.floats("a", 2), Some(vec![1.0, 2.0]));
        assert_eq!(weights.integers("a", 2), Some(&[300, -1][..]));
        assert_eq!(weights.floats("a", 3), None);
    }
}

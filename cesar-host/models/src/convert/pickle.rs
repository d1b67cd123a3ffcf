//! Reads a Python pickle of protocol 2, as PyTorch writes checkpoints, and builds only plain data and tensors.
//!
//! A pickle is a program for a machine with a stack and a memo. Every instruction is understood, but only two calls have an effect
//! here: an ordered dictionary, and the function that makes a tensor of a storage. Every other name or call becomes
//! [`Value::Inert`] and stays so. No code of the pickle is ever run.
//!
//! Lists and dictionaries are shared, because they are filled after they were made, possibly through the memo.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::bytes::Bytes;

/// A value of a pickle.
#[derive(Debug, Clone)]
pub(super) enum Value {
    /// A value without meaning here.
    Inert,
    Integer(i64),
    Text(Rc<str>),
    Tuple(Rc<[Value]>),
    List(Rc<RefCell<Vec<Value>>>),
    /// Pairs in their order.
    Dictionary(Rc<RefCell<Vec<(Value, Value)>>>),
    /// An object given by module and name.
    Global(Rc<str>, Rc<str>),
    /// An object outside the pickle: here `("storage", kind, key, device, length)`.
    Outside(Rc<Value>),
    Tensor(Rc<Layout>),
}

/// A tensor: a part of a storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Layout {
    /// `FloatStorage` or the like.
    pub(super) kind: String,
    /// The name of the storage's file.
    pub(super) key: String,
    /// Its offset in the storage, in numbers.
    pub(super) offset: usize,
    pub(super) shape: Vec<usize>,
    /// The distance to the next element along each dimension, in numbers.
    pub(super) strides: Vec<usize>,
}

impl Value {
    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    fn size(&self) -> Option<usize> {
        match self {
            Self::Integer(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    fn sizes(&self) -> Option<Vec<usize>> {
        match self {
            Self::Tuple(values) => values.iter().map(Self::size).collect(),
            _ => None,
        }
    }

    fn dictionary() -> Self {
        Self::Dictionary(Rc::default())
    }

    /// The value of a key in a dictionary.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let Self::Dictionary(pairs) = self else { return None };
        let pairs = pairs.borrow();
        let found = pairs.iter().find(|(name, _)| name.text() == Some(key));
        found.map(|(_, value)| value.clone())
    }

    /// The tensors of a dictionary, by name.
    pub(super) fn tensors(&self) -> HashMap<String, Rc<Layout>> {
        let Self::Dictionary(pairs) = self else {
            return HashMap::new();
        };
        let pairs = pairs.borrow();
        let tensors = pairs.iter().filter_map(|(name, value)| match value {
            Self::Tensor(layout) => Some((name.text()?.to_owned(), layout.clone())),
            _ => None,
        });
        tensors.collect()
    }
}

/// Reads the value of a pickle; an error names the defect.
pub(super) fn read(pickle: &[u8]) -> Result<Value, String> {
    let mut machine = Machine::default();
    let mut bytes = Bytes::new(pickle);
    loop {
        let code = bytes.u8().ok_or("its pickle ends too early")?;
        if code == b'.' {
            return machine.pop().ok_or_else(|| "its pickle is empty".to_owned());
        }
        let step = machine.step(code, &mut bytes);
        step.ok_or_else(|| format!("its pickle breaks off at instruction {code:#04x}, or that is not known"))?;
    }
}

#[derive(Default)]
struct Machine {
    stack: Vec<Value>,
    /// The starts of unfinished tuples, lists and dictionaries.
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl Machine {
    /// Executes one instruction; `None` if that is impossible.
    fn step(&mut self, code: u8, bytes: &mut Bytes<'_>) -> Option<()> {
        match code {
            // PROTO, FRAME
            0x80 => drop(bytes.u8()?),
            0x95 => drop(bytes.u64()?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.since_mark()?),
            b'q' | b'r' | 0x94 | b'h' | b'j' => self.remember_or_recall(code, bytes)?,
            b'N' | 0x88 | 0x89 | b'G' => self.push_inert(code, bytes)?,
            b'K' | b'M' | b'J' | 0x8a => {
                let number = integer(code, bytes)?;
                self.stack.push(Value::Integer(number));
            }
            b'X' | 0x8c | b'U' | b'T' | b'C' | b'B' => self.push_text(code, bytes)?,
            b')' | 0x85..=0x87 | b't' => self.make_tuple(code)?,
            b']' => self.stack.push(Value::List(Rc::default())),
            b'}' => self.stack.push(Value::dictionary()),
            0x8f => self.stack.push(Value::Inert),
            b'a' | b'e' | b's' | b'u' | 0x90 => self.fill(code)?,
            b'c' | 0x93 => self.name_global(code, bytes)?,
            b'Q' => {
                let id = self.pop()?;
                self.stack.push(Value::Outside(Rc::new(id)));
            }
            b'R' | 0x81 => self.call()?,
            // BUILD: a state that only a live object would need.
            b'b' => drop(self.pop()?),
            _ => return None,
        }
        Some(())
    }

    fn pop(&mut self) -> Option<Value> {
        self.stack.pop()
    }

    fn since_mark(&mut self) -> Option<Vec<Value>> {
        let mark = self.marks.pop()?;
        (mark <= self.stack.len()).then(|| self.stack.split_off(mark))
    }

    fn remember_or_recall(&mut self, code: u8, bytes: &mut Bytes<'_>) -> Option<()> {
        let number = match code {
            b'q' | b'h' => u32::from(bytes.u8()?),
            b'r' | b'j' => bytes.u32()?,
            _ => u32::try_from(self.memo.len()).ok()?,
        };
        if matches!(code, b'h' | b'j') {
            self.stack.push(self.memo.get(&number)?.clone());
        } else {
            self.memo.insert(number, self.stack.last()?.clone());
        }
        Some(())
    }

    /// None, booleans and floating-point numbers: never part of a tensor.
    fn push_inert(&mut self, code: u8, bytes: &mut Bytes<'_>) -> Option<()> {
        if code == b'G' {
            bytes.take(8)?;
        }
        self.stack.push(Value::Inert);
        Some(())
    }

    fn push_text(&mut self, code: u8, bytes: &mut Bytes<'_>) -> Option<()> {
        let length = match code {
            b'X' | b'T' | b'B' => bytes.length()?,
            _ => usize::from(bytes.u8()?),
        };
        let text = bytes.take(length)?;
        let is_text = matches!(code, b'X' | 0x8c);
        let text = is_text.then(|| std::str::from_utf8(text).ok()).flatten();
        self.stack
            .push(text.map_or(Value::Inert, |text| Value::Text(text.into())));
        Some(())
    }

    fn make_tuple(&mut self, code: u8) -> Option<()> {
        let values = match code {
            b')' => Vec::new(),
            b't' => self.since_mark()?,
            _ => {
                let begin = self.stack.len().checked_sub(usize::from(code - 0x84))?;
                self.stack.split_off(begin)
            }
        };
        self.stack.push(Value::Tuple(values.into()));
        Some(())
    }

    /// Adds to the list, dictionary or set below.
    fn fill(&mut self, code: u8) -> Option<()> {
        let added = match code {
            b'a' => vec![self.pop()?],
            b's' => {
                let value = self.pop()?;
                vec![self.pop()?, value]
            }
            _ => self.since_mark()?,
        };
        match self.stack.last()? {
            Value::List(values) => values.borrow_mut().extend(added),
            Value::Dictionary(pairs) => {
                let (added, _) = added.as_chunks::<2>();
                pairs
                    .borrow_mut()
                    .extend(added.iter().map(|[key, value]| (key.clone(), value.clone())));
            }
            _ => {}
        }
        Some(())
    }

    fn name_global(&mut self, code: u8, bytes: &mut Bytes<'_>) -> Option<()> {
        let (module, name) = if code == b'c' {
            let mut line = || Some(Rc::<str>::from(std::str::from_utf8(bytes.line()?).ok()?));
            (line()?, line()?)
        } else {
            let name = self.pop()?;
            let module = self.pop()?;
            (module.text()?.into(), name.text()?.into())
        };
        self.stack.push(Value::Global(module, name));
        Some(())
    }

    fn call(&mut self) -> Option<()> {
        let arguments = self.pop()?;
        let result = match (self.pop()?, &arguments) {
            (Value::Global(module, name), Value::Tuple(arguments)) => match (&*module, &*name) {
                ("collections", "OrderedDict") => Value::dictionary(),
                ("torch._utils", "_rebuild_tensor_v2") => Value::Tensor(Rc::new(layout(arguments)?)),
                _ => Value::Inert,
            },
            _ => Value::Inert,
        };
        self.stack.push(result);
        Some(())
    }
}

/// The tensor that PyTorch makes of these arguments: storage, offset, shape, strides, and training data.
fn layout(arguments: &[Value]) -> Option<Layout> {
    let [Value::Outside(storage), offset, shape, strides, ..] = arguments else {
        return None;
    };
    let Value::Tuple(storage) = &**storage else { return None };
    let [_, Value::Global(_, kind), key, ..] = &**storage else {
        return None;
    };
    Some(Layout {
        kind: kind.to_string(),
        key: key.text()?.to_owned(),
        offset: offset.size()?,
        shape: shape.sizes()?,
        strides: strides.sizes()?,
    })
}

fn integer(code: u8, bytes: &mut Bytes<'_>) -> Option<i64> {
    match code {
        b'K' => bytes.u8().map(i64::from),
        b'M' => bytes.u16().map(i64::from),
        b'J' => bytes.i32().map(i64::from),
        _ => {
            // LONG1: two's complement of any length; longer ones are never part of a tensor.
            let length = usize::from(bytes.u8()?);
            let digits = bytes.take(length)?;
            let sign = if digits.last().is_some_and(|last| *last >= 0x80) {
                0xff
            } else {
                0
            };
            let mut wide = [sign; 8];
            wide.get_mut(..length)?.copy_from_slice(digits);
            Some(i64::from_le_bytes(wide))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tensors_are_built() {
        // {'w': _rebuild_tensor_v2(('storage', FloatStorage, '0', 'cpu', 6), 1, (2, 1), (3, 1)), 'x': os.system('true')}
        let pickle = b"\x80\x02}(X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n((X\x07\0\0\0storagectorch\nFloatStorage\n\
            X\x01\x00\x00\x000X\x03\x00\x00\x00cpuK\x06tQK\x01K\x02K\x01\x86K\x03K\x01\x86\x89NtRX\x01\0\0\0xcos\nsystem\nX\x04\0\0\0true\x85Ru.";
        let value = read(pickle).unwrap();
        let tensors = value.tensors();
        let expected = Layout {
            kind: "FloatStorage".to_owned(),
            key: "0".to_owned(),
            offset: 1,
            shape: vec![2, 1],
            strides: vec![3, 1],
        };
        assert_eq!(tensors.len(), 1);
        assert_eq!(*tensors["w"], expected);
        assert!(matches!(value.get("x"), Some(Value::Inert)));
    }

    #[test]
    fn a_truncated_pickle_is_an_error() {
        let pickle = b"\x80\x02}(X\x01\0\0\0wK\x01u.";
        for length in 0..pickle.len() {
            assert!(read(&pickle[..length]).is_err(), "{length}");
        }
        assert!(read(b"\xff").is_err());
    }
}

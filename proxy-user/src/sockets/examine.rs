//! Tries each step of loading the kernel programs separately, for `doctor`. Nothing is left behind.

use std::path::Path;

use super::{
    ebpf::map_rows,
    load::{self, LoadError, Object, sentence},
    probe::{self, Places, Probe},
};

/// The result of a step: a remark, or why it was refused.
pub(crate) type Step = Result<String, String>;

/// The steps in order. A step that could not be tried counts as refused, with the reason.
pub(crate) struct Steps {
    /// Finding structure members in the kernel's BTF.
    pub(crate) btf: Step,
    /// Creating the maps.
    pub(crate) maps: Step,
    /// Mapping the table of rows into the process.
    pub(crate) mapping: Step,
    /// Loading each program, with its name and kind.
    pub(crate) programs: Vec<(&'static str, &'static str, Step)>,
    /// Attaching to the cgroup.
    pub(crate) attach: Step,
}

/// Tries all of them, with `cgroup` or this process's own.
pub(crate) fn steps(cgroup: Option<&Path>) -> Steps {
    /// One page of rows.
    const ROWS: u32 = 64;
    let btf = load::member_offsets().map(|[write_seq, snd_wnd]| {
        format!("tcp_sock.write_seq at {write_seq}, snd_wnd at {snd_wnd}")
    });
    let refused = |error: LoadError| sentence(&error);
    let mut object = match Object::create(ROWS, None) {
        Ok(object) => object,
        Err(error) => {
            let not_tried = || Err("not tried: there are no maps".to_owned());
            return Steps {
                btf,
                maps: Err(refused(error)),
                mapping: not_tried(),
                programs: programs(not_tried(), |_| not_tried()),
                attach: not_tried(),
            };
        }
    };
    let mapping = object
        .ebpf
        .map(load::ROWS)
        .ok_or(LoadError::Missing(load::ROWS))
        .and_then(|rows| map_rows(rows, ROWS))
        .map(|_| "mmap of a BPF_F_MMAPABLE array".to_owned())
        .map_err(refused);
    let program = object.load().map(|()| "loads".to_owned()).map_err(refused);
    let attach = match &program {
        Err(_) => Err("not tried: the program is not loaded".to_owned()),
        Ok(_) => object.attach(cgroup).map(|path| path.display().to_string()).map_err(refused),
    };
    let places = Places::find();
    let programs = programs(program, |probe| {
        places.clone()?;
        // Attached only for a moment; with no leg registered it does nothing.
        let tried = probe::attach(&mut object.ebpf, probe);
        tried.map(|()| "loads and attaches (for `ebbtide observe`)".to_owned())
    });
    Steps { btf, maps: Ok("created".to_owned()), mapping, programs, attach }
}

/// Every program by name and kind, starting with the one that everything depends on.
fn programs(
    main: Step,
    mut probe: impl FnMut(Probe) -> Step,
) -> Vec<(&'static str, &'static str, Step)> {
    let probes = Probe::ALL.map(|each| (each.name(), each.kind(), probe(each)));
    [(load::PROGRAM, load::KIND, main)].into_iter().chain(probes).collect()
}

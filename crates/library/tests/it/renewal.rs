//! Does another embedding model take over without anybody noticing, whatever happens meanwhile?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_library::{Embed, Library, Options, SearchOptions};
use intramuros_search::Mode;

use crate::support::{LONG, Random, Scene, Words, scan, scene};

/// Another model, of 256 dimensions, which can be made to fail after some texts.
struct Other {
    embedded: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
    /// Texts that it takes before it fails.
    most: Arc<AtomicUsize>,
    failed: Arc<AtomicBool>,
}

impl Other {
    fn new(most: usize) -> Other {
        let most = Arc::new(AtomicUsize::new(most));
        Other { embedded: Arc::default(), asked: Arc::default(), most, failed: Arc::default() }
    }

    /// One direction for each word, added.
    fn vector(text: &str) -> Vec<f32> {
        let mut vector = vec![0.0; 256];
        for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
            let seed = word.to_lowercase().bytes().fold(0xcbf2_9ce4_8422_2325, |seed: u64, byte| {
                (seed ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
            let mut state = Random(seed | 1);
            vector.iter_mut().for_each(|value| *value += state.next(2_000) as f32 / 1_000.0 - 1.0);
        }
        let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.into_iter().map(|value| value / length).collect()
    }
}

impl Embed for Other {
    fn name(&self) -> &str {
        "other-for-tests/1"
    }

    fn query(&self, text: &str) -> Result<Vec<f32>, Error> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Ok(Other::vector(text))
    }

    fn passages(&self, texts: &[&str]) -> Result<Vec<Vec<f32>>, Error> {
        if self.embedded.load(Ordering::Relaxed) + texts.len() > self.most.load(Ordering::Relaxed) {
            self.failed.store(true, Ordering::Relaxed);
            return Err(Error::internal("the service could not be reached"));
        }
        self.embedded.fetch_add(texts.len(), Ordering::Relaxed);
        Ok(texts.iter().map(|text| Other::vector(text)).collect())
    }
}

fn papers() -> Scene {
    let scene = scene(&[]);
    for number in 0..40 {
        scene.write(
            &format!("p{number}.txt"),
            &format!("Le papier numéro{number} parle de sujet{number} et de chats."),
        );
    }
    scene
}

/// The library with the other model declared, and what served before beside it.
fn opened(scene: &Scene, other: &Arc<Other>) -> Library {
    let earlier: Vec<Arc<dyn Embed>> = scene.options().embed.into_iter().collect();
    let embed: Arc<dyn Embed> = Arc::clone(other) as Arc<dyn Embed>;
    Library::open(Options { embed: Some(embed), earlier, ..scene.options() }).unwrap()
}

fn by_meaning(library: &Library) -> Option<String> {
    let options = SearchOptions { mode: Mode::Meaning, ..SearchOptions::default() };
    let found = library.search(&Principal::owner(), "papier numéro7 sujet7", &options).unwrap();
    found.documents.first().map(|found| found.document.path.clone())
}

/// The name of the model that the scene has.
fn earlier_name(scene: &Scene) -> String {
    scene.options().embed.unwrap().name().to_owned()
}

fn wait(what: &str, holds: impl Fn() -> bool) {
    let until = Instant::now() + LONG;
    while !holds() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn the_old_vectors_serve_until_the_new_ones_are_complete_through_failures_and_kills() {
    let scene = papers();
    drop(scene.ready());
    let first = scene.embedded.load(Ordering::Relaxed);
    assert_eq!(first, 40);

    // It fails half-way: the old one serves, and the reason is said.
    let failing = Arc::new(Other::new(16));
    let library = opened(&scene, &failing);
    wait("the failure is said", || library.progress().trouble.is_some());
    let trouble = library.progress().trouble.unwrap();
    assert!(trouble.contains("could not be reached") && trouble.contains("earlier"), "{trouble}");
    assert_eq!(by_meaning(&library).as_deref(), Some("p7.txt"));
    assert_eq!(failing.asked.load(Ordering::Relaxed), 0, "questions go to the model whose vectors serve");
    // What comes meanwhile is found by the old one as well.
    scene.write("new.txt", "Le papier numéro99 parle de sujet99.");
    scan(&library);
    assert_eq!(scene.embedded.load(Ordering::Relaxed), 41);
    assert_eq!(library.progress().renewing, Some(16));
    drop(library);

    // Begun again, it goes on where it was, and takes over when it is complete.
    let working = Arc::new(Other::new(1_000));
    let library = opened(&scene, &working);
    let took_over =
        || working.embedded.load(Ordering::Relaxed) >= 25 && library.progress().renewing.is_none();
    wait("it takes over", took_over);
    assert_eq!(working.embedded.load(Ordering::Relaxed), 41 - 16, "what was made is not made again");
    assert_eq!(scene.embedded.load(Ordering::Relaxed), 41);
    assert_eq!(by_meaning(&library).as_deref(), Some("p7.txt"));
    assert!(working.asked.load(Ordering::Relaxed) > 0);
    assert_eq!(library.progress().trouble, None);
    scene.write("later.txt", "Le papier numéro100 parle de sujet100.");
    scan(&library);
    assert_eq!((scene.embedded.load(Ordering::Relaxed), working.embedded.load(Ordering::Relaxed)), (41, 26));
    // What served before is deleted, since nobody compares with it any more.
    let counts = || {
        let count = |name: &str| library.store().vector_count(name).unwrap();
        (count(&earlier_name(&scene)), count("other-for-tests/1"))
    };
    wait("the earlier vectors are deleted", || counts().0 == 0);
    assert_eq!(counts(), (0, 42));
    drop(library);

    // From then on it serves from the start; and the way back is made anew, though the earlier model was complete once.
    let library = opened(&scene, &working);
    assert_eq!((by_meaning(&library).as_deref(), library.progress().renewing), (Some("p7.txt"), None));
    drop(library);
    let back: Arc<dyn Embed> = Arc::new(Words { embedded: Arc::clone(&scene.embedded) });
    let options = Options { embed: Some(back), earlier: vec![working], ..scene.options() };
    let library = Library::open(options).unwrap();
    wait("the way back", || {
        scene.embedded.load(Ordering::Relaxed) == 41 + 42 && library.progress().renewing.is_none()
    });
    assert_eq!(by_meaning(&library).as_deref(), Some("p7.txt"));
    wait("the other's vectors are deleted", || {
        library.store().vector_count("other-for-tests/1").unwrap() == 0
    });
    assert_eq!(library.store().vector_count(&earlier_name(&scene)).unwrap(), 42);
}

//! Requests that Ebbtide answers itself, whatever the app's state. None of them counts or wakes the app.

use super::answer::Answer;
use super::service::Routed;

/// `[[app.answer]]`: the first that fits; `None` = the request is for the app.
pub(super) fn answer(routed: &Routed) -> Option<Answer> {
    let Routed { policy, request, .. } = routed;
    let (method, path, headers) = (request.method(), request.uri().path(), request.headers());
    let mut answers = policy.config.answers.iter();
    let answer = answers.find(|answer| answer.fits(method, path, headers))?;
    Some(Answer::Configured {
        status: answer.status,
        content_type: answer.content_type.clone(),
        body: answer.body.clone(),
    })
}

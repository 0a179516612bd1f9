//! `/api/v1/subaccounts/{subAccountId}/surveys/{surveyId}/messages`: messages with a link, by the rules of the others,
//! but without `clientIp`.

use crate::batch::send_many;
use crate::call::Call;
use crate::error::Answer;
use crate::message::Kind;
use crate::sandbox::Sandbox;
use crate::sms::send_one;

pub(crate) fn single(sandbox: &Sandbox, call: &Call) -> Answer {
    send_one(sandbox, call, Kind::Survey)
}

pub(crate) fn many(sandbox: &Sandbox, call: &Call) -> Answer {
    send_many(sandbox, call, Kind::Survey)
}

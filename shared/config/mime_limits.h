#pragma once
// intake.limits as the limits under which mails are read: the same for every stage, so that what one could read the
// next can too.

#include "sekisho/config/v1/config.pb.h"
#include "shared/mime/model.h"

namespace sekisho::config {

mime::Limits MimeLimits(const v1::Limits& limits);

}  // namespace sekisho::config

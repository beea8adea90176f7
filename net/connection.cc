#include "net/connection.h"

#include "net/answer_rest.h"

namespace tidemark::net {

Connection::Connection() = default;
Connection::~Connection() = default;

}  // namespace tidemark::net
